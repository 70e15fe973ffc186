#include "lanes.h"

namespace ptx {

const Opcode* findOpcode(std::string_view name) {
  static const Opcodes& table = *[] {
    auto* t = new Opcodes;
    addArithmetic(*t);
    addConversions(*t);
    addMemory(*t);
    addMatrix(*t);
    addWarp(*t);
    return t;
  }();
  return table.find(name);
}

}  // namespace ptx
