// registers.h: where the registers of a program lie in a warp's register file.
#pragma once
#include "program.h"

namespace ptx {

// Replaces the numbers of virtual registers among the operands by offsets. `widths` has their bits (1: a predicate),
// `outputs` how many operands of each instruction, the first ones, are written. Registers that are never alive together
// share a place: a program has thousands, of which a hundred or two are alive, and these fit into the CPU's caches.
void allotRegisters(Program& program, const std::vector<uint8_t>& widths, const std::vector<uint8_t>& outputs);

}  // namespace ptx
