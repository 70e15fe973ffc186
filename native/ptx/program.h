// program.h: a kernel as the interpreter runs it. A register is an array of 32 lanes in the register file of a warp, a
// predicate a mask; operands are offsets of these, resolved when the module is loaded.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ptx {

constexpr int LANES = 32;
constexpr uint32_t NONE = ~0u;
constexpr uint32_t UNIFORM = 1u << 31;  // of an operand: an offset in the kernel's constants, not in the warp's registers

struct Warp;
struct Instruction;
using Handler = void (*)(Warp&, const Instruction&, uint32_t mask);

// What the scheduler does with an instruction; all others are run by their handler alone.
enum class Flow : uint8_t { NEXT, BRANCH, UNIFORM_BRANCH, EXIT, BARRIER, ARRIVE, TRAP };
// Which lanes must come together.
enum class Meeting : uint8_t { NONE, WARP, MEMBERS };
enum class Class : uint8_t { MOVE, INTEGER, FLOAT, DOUBLE, HALF, SPECIAL, CONVERT, CONTROL, GLOBAL, SHARED, MATRIX, WARP, BARRIER };

enum class Space : uint8_t { GENERIC, GLOBAL, SHARED };

struct Instruction {
  Handler run = nullptr;
  int64_t immediate = 0;      // displacement of an address, or the number among the operands
  uint32_t operands = 0;      // the first in Program::operands
  uint32_t predicate = NONE;  // operand
  uint32_t target = 0;        // of a branch
  uint32_t line = 0;          // of the PTX text
  uint32_t place = 0;         // in Module::places
  Flow flow = Flow::NEXT;
  Meeting meeting = Meeting::NONE;
  Class kind = Class::MOVE;
  Space space = Space::GENERIC;
  bool negate = false;    // the predicate
  uint8_t extra = 0;      // setp: how the compared is joined with a predicate; cvt: widths
  uint8_t operandCount = 0;
};

// A line of a .cu or .cuh file, and the place where it was inlined, or NONE.
struct Place {
  uint32_t file = 0, line = 0, inlinedAt = NONE;
};

struct Module;

struct Program {
  std::string name;
  const Module* module = nullptr;
  std::vector<uint32_t> paramSizes, paramOffsets;
  std::vector<Instruction> code;
  std::vector<uint32_t> operands;
  std::vector<uint8_t> constants;    // 32 lanes each, and predicates
  std::vector<uint32_t> specials;    // pairs: the special register (see parse.cpp) and where its lanes lie
  uint32_t registerBytes = 0;        // of a warp
  uint32_t staticShared = 0;         // of a block, rounded up to where dynamic shared memory begins
  uint32_t maxThreads = 1024;
  uint32_t registers = 0;            // of a thread, by ptxas; 0: unknown
};

struct Module {
  std::string text;
  int target = 0;  // 80 for sm_80
  std::vector<std::string> files;
  std::vector<Place> places{Place{}};  // number 0: unknown
  std::vector<std::unique_ptr<Program>> programs;
};

enum Special : uint32_t {
  TID_X, TID_Y, TID_Z, NTID_X, NTID_Y, NTID_Z, CTAID_X, CTAID_Y, CTAID_Z, NCTAID_X, NCTAID_Y, NCTAID_Z, LANEID, WARPID,
  NWARPID, LANEMASK_EQ, LANEMASK_LT, LANEMASK_LE, LANEMASK_GT, LANEMASK_GE, DYNAMIC_SMEM, SPECIALS
};

// Null with the place and the reason in `why` where the text is not understood. `code` says which error it is.
enum class Refusal { NONE, SYNTAX, VERSION, TARGET };
std::unique_ptr<Module> parse(std::string_view text, int capability, std::string& why, Refusal& refusal);

// The line of the PTX text, and where it comes from: "kernels/pipeline.cuh:408, from kernels/conv1x1.cu:31".
std::string lineOf(const Module& module, uint32_t line);
std::string placeOf(const Module& module, uint32_t place);

// ---- opcodes --------------------------------------------------------------------------------------------------------

// An instruction that is known by its full name, for example add.s32. `form` says what its operands are: outputs, a colon,
// inputs. p predicate, h w d registers of 16, 32, 64 bits (and constants of such), * of any width, a number behind it so
// many in braces, A and G an address in shared memory (32 bits) and another one (64 bits), P one of a parameter, n a number,
// ? before what may be missing, s a register with a predicate that may be missing.
struct Opcode {
  std::string form;
  Handler run[3] = {};  // by the width of * : 16, 32, 64 bits; the first for instructions without it
  Class kind = Class::MOVE;
  Meeting meeting = Meeting::NONE;
  Flow flow = Flow::NEXT;
  Space space = Space::GENERIC;
  int since = 75;  // the compute capability that has it
};

// Null for what is not known.
const Opcode* findOpcode(std::string_view name);
// The parts of the table, each in the file of its subject.
class Opcodes;
void addArithmetic(Opcodes&);
void addConversions(Opcodes&);
void addMemory(Opcodes&);
void addMatrix(Opcodes&);
void addWarp(Opcodes&);

}  // namespace ptx
