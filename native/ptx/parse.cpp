// parse.cpp: PTX text to programs.
#include <charconv>
#include <optional>
#include <stdexcept>
#include <unordered_map>
#include "program.h"
#include "registers.h"

namespace ptx {
namespace {

constexpr double NEWEST_VERSION = 9.0;

struct Bad : std::runtime_error {
  Bad(uint32_t line, const std::string& what, Refusal refusal = Refusal::SYNTAX)
      : std::runtime_error(what), line(line), refusal(refusal) {}
  uint32_t line;
  Refusal refusal;
};

struct Token {
  std::string_view text;
  uint32_t line = 0;
  bool is(std::string_view t) const { return text == t; }
  bool isWord() const { return !text.empty() && (isalnum(static_cast<unsigned char>(text[0])) != 0 || text[0] == '%' || text[0] == '$' || text[0] == '_' || text[0] == '.'); }
};

// Words (with dots, and with :: inside), strings, and single characters.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text(text) {}

  Token next() {
    skip();
    if (at == text.size()) return {{}, line};
    size_t begin = at++;
    if (text[begin] == '"') {
      while (at < text.size() && text[at] != '"' && text[at] != '\n') ++at;
      if (at < text.size()) ++at;
    } else if (isWordCharacter(text[begin])) {
      while (at < text.size() && (isWordCharacter(text[at]) || isDouble(at))) at += isDouble(at) ? 2 : 1;
    }
    return {text.substr(begin, at - begin), line};
  }
  Token peek() {
    size_t keptAt = at;
    uint32_t keptLine = line;
    Token t = next();
    at = keptAt, line = keptLine;
    return t;
  }

 private:
  static bool isWordCharacter(char c) { return isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '%' || c == '$'; }
  bool isDouble(size_t i) const { return i + 2 < text.size() && text[i] == ':' && text[i + 1] == ':' && isWordCharacter(text[i + 2]); }
  void skip() {
    while (at < text.size()) {
      if (text[at] == '\n') {
        ++line, ++at;
      } else if (text[at] == ' ' || text[at] == '\t' || text[at] == '\r') {
        ++at;
      } else if (text.substr(at, 2) == "//") {
        at = std::min(text.find('\n', at), text.size());
      } else if (text.substr(at, 2) == "/*") {
        size_t end = std::min(text.find("*/", at + 2), text.size());
        for (; at < end; ++at) line += text[at] == '\n';
        at = std::min(at + 2, text.size());
      } else {
        return;
      }
    }
  }

  std::string_view text;
  size_t at = 0;
  uint32_t line = 1;
};

std::string quoted(std::string_view t) { return "'" + std::string(t) + "'"; }

uint64_t numberOf(const Token& t, bool negative = false) {
  std::string_view s = t.text;
  auto hex = [&](size_t digits) {
    uint64_t v = 0;
    auto [end, error] = std::from_chars(s.data() + 2, s.data() + s.size(), v, 16);
    if (error != std::errc() || end != s.data() + s.size() || s.size() != 2 + digits) throw Bad(t.line, "not a number: " + quoted(s));
    return v;
  };
  if (s.starts_with("0f") || s.starts_with("0F")) return hex(8) ^ (negative ? 1ull << 31 : 0);
  if (s.starts_with("0d") || s.starts_with("0D")) return hex(16) ^ (negative ? 1ull << 63 : 0);
  int base = 10;
  if (s.starts_with("0x") || s.starts_with("0X")) base = 16, s.remove_prefix(2);
  if (s.ends_with('U')) s.remove_suffix(1);
  uint64_t v = 0;
  auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v, base);
  if (s.empty() || error != std::errc() || end != s.data() + s.size()) throw Bad(t.line, "not a number: " + quoted(t.text));
  return negative ? 0 - v : v;
}

// Bytes of a type, without its dot.
uint32_t bytesOf(const Token& type) {
  std::string_view t = type.text.substr(1);
  if (t == "b128") return 16;
  if (t == "bf16") return 2;
  if (t.size() >= 2 && std::string_view("busf").find(t[0]) != std::string_view::npos) {
    if (t.substr(1) == "8") return 1;
    if (t.substr(1) == "16") return 2;
    if (t.substr(1) == "32") return 4;
    if (t.substr(1) == "64") return 8;
  }
  throw Bad(type.line, "unknown type " + quoted(type.text));
}

const std::unordered_map<std::string_view, uint32_t>& specials() {
  static const auto& map = *new std::unordered_map<std::string_view, uint32_t>{
      {"%tid.x", TID_X}, {"%tid.y", TID_Y}, {"%tid.z", TID_Z}, {"%ntid.x", NTID_X}, {"%ntid.y", NTID_Y}, {"%ntid.z", NTID_Z},
      {"%ctaid.x", CTAID_X}, {"%ctaid.y", CTAID_Y}, {"%ctaid.z", CTAID_Z}, {"%nctaid.x", NCTAID_X}, {"%nctaid.y", NCTAID_Y},
      {"%nctaid.z", NCTAID_Z}, {"%laneid", LANEID}, {"%warpid", WARPID}, {"%nwarpid", NWARPID}, {"%lanemask_eq", LANEMASK_EQ},
      {"%lanemask_lt", LANEMASK_LT}, {"%lanemask_le", LANEMASK_LE}, {"%lanemask_gt", LANEMASK_GT},
      {"%lanemask_ge", LANEMASK_GE}, {"%dynamic_smem_size", DYNAMIC_SMEM}};
  return map;
}

// The body of one entry.
class Body {
 public:
  Body(Lexer& lexer, Module& module, Program& program, const std::unordered_map<std::string_view, uint64_t>& params,
       const std::string_view& dynamicShared)
      : lexer(lexer), module(module), program(program), params(params), dynamicShared(dynamicShared) {}

  // Behind the opening brace; reads the closing one.
  void read() {
    scopes.emplace_back();
    while (!scopes.empty()) {
      Token t = lexer.next();
      if (t.text.empty()) throw Bad(t.line, "the text ends within " + program.name);
      if (t.is("{")) {
        scopes.emplace_back();
      } else if (t.is("}")) {
        for (const auto& [name, before] : scopes.back()) before.has_value() ? void(named[name] = *before) : void(named.erase(name));
        scopes.pop_back();
      } else if (t.is(".loc")) {
        readLocation(t.line);
      } else if (t.is(";")) {
      } else if (t.text[0] == '.') {
        directive(t);
      } else if (lexer.peek().is(":")) {
        lexer.next();
        labels[t.text] = static_cast<uint32_t>(program.code.size());
      } else {
        statement(t);
      }
    }
    // Falling off the end is a return.
    Instruction end;
    end.flow = Flow::EXIT;
    end.kind = Class::CONTROL;
    program.code.push_back(end);
    outputs.push_back(0);
    for (const auto& [index, label] : jumps) {
      auto to = labels.find(label.text);
      if (to == labels.end()) throw Bad(label.line, "unknown label " + quoted(label.text));
      program.code[index].target = to->second;
    }
    allotRegisters(program, widths, outputs);
  }

 private:
  struct Register {
    uint32_t first = 0;
    int width = 0;
    uint32_t count = 1;
  };

  uint32_t allot(int width, uint32_t count = 1) {
    uint32_t first = static_cast<uint32_t>(widths.size());
    widths.insert(widths.end(), count, static_cast<uint8_t>(width));
    return first;
  }

  void directive(const Token& t) {
    if (t.is(".reg")) {
      Token type = lexer.next();
      int width = type.is(".pred") ? 1 : static_cast<int>(8 * std::max(2u, bytesOf(type)));
      do {
        Token name = lexer.next();
        if (lexer.peek().is("<")) {
          lexer.next();
          uint32_t count = static_cast<uint32_t>(numberOf(lexer.next()));
          lexer.next();
          families[name.text] = {allot(width, count), width, count};
        } else {
          auto known = named.find(name.text);
          scopes.back().emplace_back(name.text, known == named.end() ? std::nullopt : std::optional(known->second));
          named[name.text] = {allot(width), width, 1};
        }
      } while (separator(t.line));
    } else if (t.is(".shared")) {
      uint32_t align = 1;
      Token type = lexer.next();
      if (type.is(".align")) align = static_cast<uint32_t>(numberOf(lexer.next())), type = lexer.next();
      uint32_t size = bytesOf(type), bytes = size;
      align = std::max(align, size);
      Token name = lexer.next();
      while (lexer.peek().is("[")) {
        lexer.next();
        bytes *= static_cast<uint32_t>(numberOf(lexer.next()));
        lexer.next();
      }
      if (dynamicUsed) throw Bad(t.line, "shared memory is declared after dynamic shared memory was used");
      program.staticShared = (program.staticShared + align - 1) / align * align;
      statics[name.text] = program.staticShared;
      program.staticShared += bytes;
      while (separator(t.line)) throw Bad(t.line, "one declaration a line is understood");
    } else if (t.is(".pragma")) {
      while (!lexer.next().is(";")) {
      }
    } else {
      throw Bad(t.line, "a directive that is not understood: " + quoted(t.text));
    }
  }

  // Reads , or ; and says whether it was a comma.
  bool separator(uint32_t line) {
    Token t = lexer.next();
    if (!t.is(",") && !t.is(";")) throw Bad(line, "expected , or ; before " + quoted(t.text));
    return t.is(",");
  }

  // .loc FILE LINE COLUMN [, function_name LABEL [+ N], inlined_at FILE LINE COLUMN], to the end of the line
  void readLocation(uint32_t line) {
    std::vector<Token> words;
    while (lexer.peek().line == line) words.push_back(lexer.next());
    if (words.size() < 3) throw Bad(line, "incomplete .loc");
    Place p;
    p.file = static_cast<uint32_t>(numberOf(words[0]));
    p.line = static_cast<uint32_t>(numberOf(words[1]));
    for (size_t i = 3; i + 3 < words.size(); ++i) {
      if (!words[i].is("inlined_at")) continue;
      // The place of the call was told before, with its own callers.
      uint64_t key = keyOf(numberOf(words[i + 1]), numberOf(words[i + 2]));
      auto caller = placeOfLine.find(key);
      p.inlinedAt = caller != placeOfLine.end() ? caller->second : addPlace({static_cast<uint32_t>(key >> 32), static_cast<uint32_t>(key), NONE});
    }
    place = addPlace(p);
    placeOfLine[keyOf(p.file, p.line)] = place;
  }
  static uint64_t keyOf(uint64_t file, uint64_t line) { return file << 32 | line; }
  uint32_t addPlace(Place p) {
    Place& last = module.places.back();
    if (last.file != p.file || last.line != p.line || last.inlinedAt != p.inlinedAt) module.places.push_back(p);
    return static_cast<uint32_t>(module.places.size() - 1);
  }

  void statement(Token t) {
    tokens.clear();
    Instruction i;
    i.line = t.line;
    i.place = place;
    if (t.is("@")) {
      t = lexer.next();
      if (t.is("!")) i.negate = true, t = lexer.next();
      i.predicate = registerOf(t, 1);
      t = lexer.next();
    }
    for (Token o = lexer.next(); !o.is(";"); o = lexer.next()) {
      if (o.text.empty()) throw Bad(t.line, "the text ends within an instruction");
      tokens.push_back(o);
    }
    split();
    std::string name = nameOf(t.text, i);
    const Opcode* opcode = findOpcode(name);
    if (opcode == nullptr) throw Bad(t.line, "unknown instruction " + std::string(t.text));
    if (opcode->since > module.target) {
      throw Bad(t.line, std::string(t.text) + " needs sm_" + std::to_string(opcode->since) + "; the target is sm_" + std::to_string(module.target));
    }
    i.flow = opcode->flow;
    i.meeting = opcode->meeting;
    i.kind = opcode->kind;
    i.space = opcode->space;
    operands(i, *opcode, t);
    program.code.push_back(i);
  }

  // The operands' tokens, each [first, last).
  void split() {
    parts.clear();
    int depth = 0;
    size_t begin = 0;
    for (size_t n = 0; n <= tokens.size(); ++n) {
      if (n == tokens.size() || (depth == 0 && tokens[n].is(","))) {
        if (n > begin) parts.push_back({begin, n});
        begin = n + 1;
      } else if (tokens[n].is("{") || tokens[n].is("[")) {
        ++depth;
      } else if (tokens[n].is("}") || tokens[n].is("]")) {
        --depth;
      }
    }
  }
  const Token& tokenOf(size_t part, size_t n = 0) const { return tokens[parts[part].first + n]; }
  size_t sizeOf(size_t part) const { return parts[part].second - parts[part].first; }

  // The name in the table: it tells apart what PTX tells apart by operands.
  std::string nameOf(std::string_view written, Instruction& i) {
    std::string name(written);
    if (name == "mov.b32" || name == "mov.b64") {
      for (size_t side : {0, 1}) {
        if (side >= parts.size() || !tokenOf(side).is("{")) continue;
        name += side == 0 ? '{' : '}';
        if (sizeOf(side) > 5) name += '4';  // elements and commas between braces
      }
    } else if (name.starts_with("setp.")) {
      constexpr std::string_view JOINS[] = {"", ".and.", ".or.", ".xor."};
      for (uint8_t join = 1; join < 4; ++join) {
        size_t at = name.find(JOINS[join]);
        if (at == std::string::npos) continue;
        name.replace(at, JOINS[join].size(), ".");
        i.extra = join;
      }
    } else if (name.starts_with("cp.async.ca.") && parts.size() >= 3 && !tokenOf(2).is("16")) {
      name += " " + std::string(tokenOf(2).text);
    }
    return name;
  }

  // ---- operands

  uint32_t registerOf(const Token& t, int width) {
    int found = 0;
    uint32_t id = findRegister(t, found);
    if (found != width) throw Bad(t.line, "register " + std::string(t.text) + " has " + std::to_string(found) + " bits, not " + std::to_string(width));
    return id;
  }
  uint32_t findRegister(const Token& t, int& width) {
    auto name = named.find(t.text);
    if (name != named.end()) {
      width = name->second.width;
      return name->second.first;
    }
    size_t digits = t.text.size();
    while (digits > 0 && isdigit(static_cast<unsigned char>(t.text[digits - 1])) != 0) --digits;
    auto family = families.find(t.text.substr(0, digits));
    uint32_t n = 0;
    std::from_chars(t.text.data() + digits, t.text.data() + t.text.size(), n);
    if (family == families.end() || digits == t.text.size() || n >= family->second.count) throw Bad(t.line, "unknown register " + quoted(t.text));
    width = family->second.width;
    return family->second.first + n;
  }

  uint32_t constant(int width, uint64_t value) {
    if (width > 1 && width < 64) value &= (1ull << width) - 1;
    auto [at, fresh] = constants.try_emplace({static_cast<uint64_t>(width), value}, 0);
    if (fresh) {
      auto& bytes = program.constants;
      size_t size = width == 1 ? 4 : LANES * static_cast<size_t>(width) / 8;
      bytes.resize((bytes.size() + 63) / 64 * 64);
      at->second = static_cast<uint32_t>(bytes.size()) | UNIFORM;
      if (width == 1) {
        bytes.insert(bytes.end(), size, value != 0 ? 0xff : 0);
      } else {
        for (int l = 0; l < LANES; ++l) {
          for (int b = 0; b < width; b += 8) bytes.push_back(static_cast<uint8_t>(value >> b));
        }
      }
    }
    return at->second;
  }

  // The tokens [first, last) as a value: a register, a number, or a symbol's address, with a displacement.
  uint32_t value(size_t first, size_t last, int width, int64_t* displacement = nullptr) {
    const Token& t = tokens[first];
    if (first == last) throw Bad(tokens.empty() ? 0 : tokens[0].line, "an operand is empty");
    if (t.is("-")) return constant(width, numberOf(tokens[first + 1], true));
    int64_t more = 0;
    if (last > first + 1) {
      if (!tokens[first + 1].is("+") || last > first + 4) throw Bad(t.line, "an operand is not understood at " + quoted(t.text));
      bool negative = tokens[first + 2].is("-");
      more = static_cast<int64_t>(numberOf(tokens[last - 1], negative));
    }
    if (displacement != nullptr) *displacement = more;
    if (isdigit(static_cast<unsigned char>(t.text[0])) != 0) return constant(width, numberOf(t));
    if (t.is("WARP_SZ")) return constant(width, LANES);
    auto special = specials().find(t.text);
    if (special != specials().end()) {
      if (width != 32) throw Bad(t.line, std::string(t.text) + " has 32 bits");
      auto [at, fresh] = specialRegisters.try_emplace(special->second, 0);
      if (fresh) {
        at->second = allot(32);
        program.specials.insert(program.specials.end(), {special->second, at->second});
      }
      return at->second;
    }
    if (t.text[0] != '%' && named.find(t.text) == named.end()) {
      uint64_t address = addressOf(t) + (displacement == nullptr ? static_cast<uint64_t>(more) : 0);
      return constant(width, address);
    }
    if (displacement == nullptr && more != 0) throw Bad(t.line, "a displacement outside an address");
    return registerOf(t, width);
  }
  uint64_t addressOf(const Token& t) {
    auto known = statics.find(t.text);
    if (known != statics.end()) return known->second;
    auto param = params.find(t.text);
    if (param != params.end()) return param->second;
    if (t.text != dynamicShared) throw Bad(t.line, "unknown symbol " + quoted(t.text));
    // Dynamic shared memory lies behind the static one, aligned as it may be declared at most.
    if (!dynamicUsed) program.staticShared = (program.staticShared + 127) / 128 * 128;
    dynamicUsed = true;
    return program.staticShared;
  }

  void operands(Instruction& i, const Opcode& opcode, const Token& t) {
    i.operands = static_cast<uint32_t>(program.operands.size());
    auto& out = program.operands;
    const std::string& form = opcode.form;
    size_t part = 0;
    int any = 0;  // the width of *
    size_t written = 0;
    bool output = true;
    auto letters = form;
    if (i.extra != 0) letters += 'p';
    for (size_t f = 0; f < letters.size(); ++f) {
      char c = letters[f];
      if (c == ':') {
        output = false;
        written = out.size() - i.operands;
        continue;
      }
      bool optional = c == '?';
      if (optional) c = letters[++f];
      size_t count = 0;
      if (f + 1 < letters.size() && isdigit(static_cast<unsigned char>(letters[f + 1])) != 0) count = static_cast<size_t>(letters[++f] - '0');
      if (part >= parts.size()) {
        if (!optional) throw Bad(t.line, "too few operands of " + std::string(t.text));
        out.push_back(NONE);
        continue;
      }
      auto [first, last] = parts[part++];
      const Token& head = tokens[first];
      switch (c) {
        case 'L': jumps.push_back({static_cast<uint32_t>(program.code.size()), head}); break;
        case 'n': i.immediate = static_cast<int64_t>(numberOf(head)); break;
        case 'A': case 'G': case 'P': {
          if (!head.is("[") || !tokens[last - 1].is("]")) throw Bad(t.line, "no address: " + quoted(head.text));
          int64_t displacement = 0;
          out.push_back(value(first + 1, last - 1, c == 'A' ? 32 : 64, &displacement));
          if (displacement != 0 && i.immediate != 0) throw Bad(t.line, "two displacements in one instruction");
          if (displacement != 0 && t.text.starts_with("cp.async")) throw Bad(t.line, "a displacement in cp.async");
          if (displacement != 0) i.immediate = displacement;
          break;
        }
        case 's':
          out.push_back(registerOf(head, 32));
          out.push_back(last > first + 2 ? registerOf(tokens[first + 2], 1) : NONE);
          break;
        default: {
          int width = c == 'p' ? 1 : c == 'h' ? 16 : c == 'w' ? 32 : c == 'd' ? 64 : 0;
          if (count == 0) {
            if (c == '*') width = widthOf(first, opcode), (output || any == 0) ? void(any = width) : void(i.extra = static_cast<uint8_t>(width));
            out.push_back(output ? registerOf(head, width) : value(first, last, width));
            break;
          }
          if (!head.is("{") && count > 1) throw Bad(t.line, "operand " + std::to_string(part) + " of " + std::string(t.text) + " has " + std::to_string(count) + " elements");
          if (head.is("{")) ++first, --last;
          size_t elements = 0;
          if (c == '*') {
            for (size_t n = first; n < last && any == 0; ++n) any = tokens[n].is(",") || tokens[n].text[0] != '%' ? 0 : widthOf(n, opcode);
            width = any != 0 ? any : any = widthOf(first, opcode);
          }
          for (size_t begin = first; begin < last; ++elements) {
            size_t end = begin;
            while (end < last && !tokens[end].is(",")) ++end;
            out.push_back(output ? registerOf(tokens[begin], width) : value(begin, end, width));
            begin = end + 1;
          }
          if (elements != count) throw Bad(t.line, "operand " + std::to_string(part) + " of " + std::string(t.text) + " has " + std::to_string(count) + " elements");
        }
      }
    }
    if (part != parts.size()) throw Bad(t.line, "too many operands of " + std::string(t.text));
    i.operandCount = static_cast<uint8_t>(out.size() - i.operands);
    i.run = opcode.run[any == 64 ? 2 : any == 32 ? 1 : 0];
    if (i.run == nullptr && any != 0) throw Bad(t.line, std::string(t.text) + " does not take registers of " + std::to_string(any) + " bits");
    if (opcode.form != "*:*" && i.extra > 3) i.extra = 0;
    outputs.push_back(static_cast<uint8_t>(written));
  }
  // Of a register its own; a constant is taken in the narrowest that the instruction has.
  int widthOf(size_t token, const Opcode& opcode) {
    const Token& t = tokens[token];
    bool isRegister = t.text[0] == '%' || named.find(t.text) != named.end();
    if (isRegister) {
      if (specials().find(t.text) != specials().end()) return 32;
      int width = 0;
      findRegister(t, width);
      return width;
    }
    return opcode.run[0] != nullptr ? 16 : opcode.run[1] != nullptr ? 32 : 64;
  }

  struct PairHash {
    size_t operator()(const std::pair<uint64_t, uint64_t>& p) const { return (p.second * 0x9e3779b97f4a7c15ull) ^ p.first; }
  };

  Lexer& lexer;
  Module& module;
  Program& program;
  const std::unordered_map<std::string_view, uint64_t>& params;
  const std::string_view& dynamicShared;
  std::unordered_map<std::string_view, Register> families;  // %r<9>
  std::unordered_map<std::string_view, Register> named;
  std::vector<std::vector<std::pair<std::string_view, std::optional<Register>>>> scopes;  // what a name was before
  std::unordered_map<std::string_view, uint64_t> statics;
  std::unordered_map<std::string_view, uint32_t> labels;
  std::vector<std::pair<uint32_t, Token>> jumps;
  std::unordered_map<std::pair<uint64_t, uint64_t>, uint32_t, PairHash> constants;
  std::unordered_map<uint32_t, uint32_t> specialRegisters;
  std::unordered_map<uint64_t, uint32_t> placeOfLine;
  std::vector<uint8_t> widths, outputs;
  std::vector<Token> tokens;
  std::vector<std::pair<size_t, size_t>> parts;
  uint32_t place = 0;
  bool dynamicUsed = false;
};

class Parser {
 public:
  Parser(Module& module, int capability) : lexer(module.text), module(module), capability(capability) {}

  void read() {
    for (Token t = lexer.next(); !t.text.empty(); t = lexer.next()) {
      if (t.is(".version")) {
        Token version = lexer.next();
        if (std::strtod(std::string(version.text).c_str(), nullptr) > NEWEST_VERSION) {
          throw Bad(t.line, "PTX " + std::string(version.text) + " is newer than 9.0", Refusal::VERSION);
        }
      } else if (t.is(".target")) {
        target(lexer.next());
      } else if (t.is(".address_size")) {
        lexer.next();
      } else if (t.is(".file")) {
        file();
      } else if (t.is(".section")) {
        while (!lexer.next().is("{")) {
        }
        while (!lexer.next().is("}")) {
        }
      } else if (t.is(".extern")) {
        external(t.line);
      } else if (t.is(".visible") || t.is(".weak")) {
      } else if (t.is(".entry")) {
        entry();
      } else {
        throw Bad(t.line, "outside of a kernel " + quoted(t.text) + " is not understood: neither functions nor variables of device memory");
      }
    }
    if (module.target == 0) throw Bad(1, "there is no .target");
  }

 private:
  void target(const Token& t) {
    std::string_view s = t.text;
    bool exact = s.ends_with('a');
    if (!s.starts_with("sm_")) throw Bad(t.line, "unknown target " + quoted(s));
    std::from_chars(s.data() + 3, s.data() + s.size(), module.target);
    if (module.target > capability || (exact && module.target != capability)) {
      throw Bad(t.line, "the target " + std::string(s) + " does not run on compute capability " + std::to_string(capability / 10) + "." + std::to_string(capability % 10), Refusal::TARGET);
    }
  }

  // .file NUMBER "path" [, time, size]
  void file() {
    Token number = lexer.next(), path = lexer.next();
    size_t n = numberOf(number);
    if (n >= 4096 || path.text.size() < 2) throw Bad(number.line, "a .file that is not understood");
    if (module.files.size() <= n) module.files.resize(n + 1);
    module.files[n] = path.text.substr(1, path.text.size() - 2);
    while (lexer.peek().is(",")) lexer.next(), lexer.next();
  }

  // .extern .shared .align 128 .b8 name[];
  void external(uint32_t line) {
    if (!lexer.next().is(".shared")) throw Bad(line, "only shared memory may be .extern");
    Token name;
    for (Token t = lexer.next(); !t.is("["); t = lexer.next()) name = t;
    while (!lexer.next().is(";")) {
    }
    dynamicShared = name.text;
  }

  void entry() {
    Token name = lexer.next();
    module.programs.push_back(std::make_unique<Program>());
    Program& program = *module.programs.back();
    program.name = name.text;
    program.module = &module;
    params.clear();
    parameters(program, name.line);
    Token t = lexer.next();
    for (; !t.is("{"); t = lexer.next()) {
      if (t.text.empty()) throw Bad(name.line, "no body of " + program.name);
      if (t.is(".maxntid") || t.is(".reqntid")) {
        program.maxThreads = static_cast<uint32_t>(numberOf(lexer.next()));
        while (lexer.peek().is(",")) lexer.next(), program.maxThreads *= static_cast<uint32_t>(numberOf(lexer.next()));
      }
    }
    try {
      Body(lexer, module, program, params, dynamicShared).read();
    } catch (const Bad& e) {
      throw Bad(e.line, program.name + ": " + e.what(), e.refusal);
    }
  }

  // .param .u64 name, .param .u64 .ptr .align 16 name, .param .align 8 .b8 name[24]
  void parameters(Program& program, uint32_t line) {
    if (!lexer.peek().is("(")) return;
    lexer.next();
    uint32_t offset = 0;
    while (!lexer.peek().is(")")) {
      uint32_t align = 1, size = 0, bytes = 0;
      Token name;
      for (Token t = lexer.next(); !t.is(","); t = lexer.next()) {
        if (t.is(".align")) {
          uint32_t n = static_cast<uint32_t>(numberOf(lexer.next()));
          if (size == 0) align = n;  // behind .ptr it is that of what it points to
        } else if (t.is("[")) {
          bytes = size * static_cast<uint32_t>(numberOf(lexer.next()));
          lexer.next();
        } else if (t.text[0] != '.') {
          name = t;
        } else if (!t.is(".param") && !t.is(".ptr") && size == 0) {
          size = bytes = bytesOf(t);
        }
        if (lexer.peek().is(")")) break;
      }
      if (size == 0 || name.text.empty()) throw Bad(line, "a parameter that is not understood");
      align = std::max(align, size);
      offset = (offset + align - 1) / align * align;
      params[name.text] = offset;
      program.paramSizes.push_back(bytes);
      program.paramOffsets.push_back(offset);
      offset += bytes;
    }
    lexer.next();
  }

  Lexer lexer;
  Module& module;
  int capability;
  std::string_view dynamicShared;
  std::unordered_map<std::string_view, uint64_t> params;
};

std::string_view textOf(const Module& module, uint32_t line) {
  std::string_view text = module.text;
  for (uint32_t n = 1; n < line; ++n) {
    size_t end = text.find('\n');
    if (end == text.npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

}  // namespace

std::unique_ptr<Module> parse(std::string_view text, int capability, std::string& why, Refusal& refusal) {
  auto module = std::make_unique<Module>();
  module->text = text;
  try {
    Parser(*module, capability).read();
  } catch (const Bad& e) {
    why = "line " + std::to_string(e.line) + ": " + e.what() + ": " + std::string(textOf(*module, e.line));
    refusal = e.refusal;
    return nullptr;
  }
  refusal = Refusal::NONE;
  return module;
}

std::string lineOf(const Module& module, uint32_t line) {
  std::string text(textOf(module, line));
  for (char& c : text) c = c == '\t' ? ' ' : c;
  return text;
}

std::string placeOf(const Module& module, uint32_t place) {
  auto told = [&](const Place& p) {
    std::string file = p.file < module.files.size() ? module.files[p.file] : "?";
    size_t kernels = file.rfind("kernels/");
    return (kernels == std::string::npos ? file : file.substr(kernels)) + ":" + std::to_string(p.line);
  };
  if (place == 0) return "";
  Place p = module.places[place], outer = p;
  while (outer.inlinedAt != NONE) outer = module.places[outer.inlinedAt];
  return told(p) + (p.inlinedAt == NONE ? "" : ", from " + told(outer));
}

}  // namespace ptx
