// matrix.cpp: mma and ldmatrix. In the fragments of the PTX ISA (groupID = lane / 4, threadID_in_group = lane % 4) the 32
// lanes of one register of A or B are, in order, an 8 x 8 matrix of 16-bit or an 8 x 4 one of 32-bit values, row by row
// (of B, column by column).
#include "lanes.h"
#include "numbers.h"
#include "observe.h"

namespace ptx {
namespace {

enum class Factor { F16, BF16, TF32 };

// The register's matrix as floats, PER values a lane.
template <Factor F>
void widen(const uint32_t* lanes, float* to) {
  if constexpr (F == Factor::TF32) {
    for (int l = 0; l < LANES; ++l) to[l] = bits(lanes[l] & ~0x1fffu);  // a tensor core does not look at the rest
  } else if constexpr (F == Factor::BF16) {
    for (int l = 0; l < LANES; ++l) {
      to[2 * l] = bits(lanes[l] << 16);
      to[2 * l + 1] = bits(lanes[l] & 0xffff0000u);
    }
  } else {
#if defined(__F16C__)
    for (int l = 0; l < LANES; l += 4) {
      _mm256_storeu_ps(to + 2 * l, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(lanes + l))));
    }
#else
    for (int l = 0; l < LANES; ++l) {
      to[2 * l] = fromHalf(static_cast<uint16_t>(lanes[l]));
      to[2 * l + 1] = fromHalf(static_cast<uint16_t>(lanes[l] >> 16));
    }
#endif
  }
}

// D = A * B + C, 16 x K by K x 8, with sums in fp32, each rounded. K comes in steps of what one register holds of a row.
template <Factor F, int K>
void mma(Warp& w, const Instruction& i, uint32_t) {
  constexpr int STEP = F == Factor::TF32 ? 4 : 8, STEPS = K / STEP;
  observeTensor(w, F == Factor::F16 ? TensorType::F16 : F == Factor::BF16 ? TensorType::BF16 : TensorType::TF32, 2 * 16 * 8 * K);
  const uint32_t *d = w.operandsOf(i), *a = d + 4, *b = a + 2 * STEPS, *c = b + STEPS;
  alignas(64) float left[2][STEPS][8][STEP], across[8][STEP], right[K][8], sums[16][8];
  for (int s = 0; s < STEPS; ++s) {
    widen<F>(w.at<uint32_t>(a[2 * s]), &left[0][s][0][0]);
    widen<F>(w.at<uint32_t>(a[2 * s + 1]), &left[1][s][0][0]);
    widen<F>(w.at<uint32_t>(b[s]), &across[0][0]);
    for (int k = 0; k < STEP; ++k) {
      for (int n = 0; n < 8; ++n) right[s * STEP + k][n] = across[n][k];
    }
  }
  for (int half = 0; half < 2; ++half) {
    const float *even = w.at<float>(c[2 * half]), *odd = w.at<float>(c[2 * half + 1]);
    for (int l = 0; l < LANES; ++l) {
      sums[8 * half + l / 4][l % 4 * 2] = even[l];
      sums[8 * half + l / 4][l % 4 * 2 + 1] = odd[l];
    }
    for (int m = 0; m < 8; ++m) {
      float* sum = sums[8 * half + m];
      for (int k = 0; k < K; ++k) {
        const float factor = left[half][k / STEP][m][k % STEP];
        for (int n = 0; n < 8; ++n) sum[n] = __builtin_fmaf(factor, right[k][n], sum[n]);
      }
    }
  }
  for (int half = 0; half < 2; ++half) {
    float *even = w.at<float>(d[2 * half]), *odd = w.at<float>(d[2 * half + 1]);
    for (int l = 0; l < LANES; ++l) {
      even[l] = sums[8 * half + l / 4][l % 4 * 2];
      odd[l] = sums[8 * half + l / 4][l % 4 * 2 + 1];
    }
  }
}

// COUNT 8 x 8 matrices of 16-bit values; lane 8m + r names row r of matrix m. Of matrix m a lane gets row lane / 4,
// columns 2 * (lane % 4) and the next, or the same of its transpose.
template <int COUNT, bool TRANSPOSED>
void loadMatrix(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t* o = w.operandsOf(i);
  const uint32_t* base = w.at<uint32_t>(o[COUNT]);
  uint32_t address[LANES];
  for (int l = 0; l < LANES; ++l) address[l] = base[l] + static_cast<uint32_t>(i.immediate);
  const uint32_t named = COUNT == 4 ? ~0u : (1u << (8 * COUNT)) - 1;
  w.block->sharedMemory(w, i, Access::LOAD, named & mask, address, 16);
  alignas(64) uint16_t rows[8][8];
  alignas(64) uint32_t result[COUNT][LANES];
  for (int m = 0; m < COUNT; ++m) {
    for (int r = 0; r < 8; ++r) std::memcpy(rows[r], w.block->shared() + address[8 * m + r], 16);
    if constexpr (TRANSPOSED) {
      for (int l = 0; l < LANES; ++l) result[m][l] = rows[l % 4 * 2][l / 4] | static_cast<uint32_t>(rows[l % 4 * 2 + 1][l / 4]) << 16;
    } else {
      std::memcpy(result[m], rows, sizeof rows);
    }
  }
  for (int m = 0; m < COUNT; ++m) std::memcpy(w.at<uint32_t>(o[m]), result[m], sizeof result[m]);
}

}  // namespace

void addMatrix(Opcodes& t) {
  auto add = [&](const std::string& name, const std::string& form, Handler run, int since) {
    Opcode& o = t.add(name, form, name.starts_with("mma") ? Class::MATRIX : Class::SHARED, run);
    o.meeting = Meeting::WARP;
    o.since = since;
  };
  const std::string m16n8 = "mma.sync.aligned.m16n8";
  add(m16n8 + "k16.row.col.f32.f16.f16.f32", "w4:w4w2w4", mma<Factor::F16, 16>, 80);
  add(m16n8 + "k16.row.col.f32.bf16.bf16.f32", "w4:w4w2w4", mma<Factor::BF16, 16>, 80);
  add(m16n8 + "k8.row.col.f32.f16.f16.f32", "w4:w2w1w4", mma<Factor::F16, 8>, 75);
  add(m16n8 + "k8.row.col.f32.bf16.bf16.f32", "w4:w2w1w4", mma<Factor::BF16, 8>, 80);
  add(m16n8 + "k8.row.col.f32.tf32.tf32.f32", "w4:w4w2w4", mma<Factor::TF32, 8>, 80);
  add(m16n8 + "k4.row.col.f32.tf32.tf32.f32", "w4:w2w1w4", mma<Factor::TF32, 4>, 80);
  const std::string load = "ldmatrix.sync.aligned.m8n8.";
  for (const char* space : {"shared", "shared::cta"}) {
    const std::string type = std::string(space) + ".b16";
    add(load + "x1." + type, "w1:A", loadMatrix<1, false>, 75), add(load + "x1.trans." + type, "w1:A", loadMatrix<1, true>, 75);
    add(load + "x2." + type, "w2:A", loadMatrix<2, false>, 75), add(load + "x2.trans." + type, "w2:A", loadMatrix<2, true>, 75);
    add(load + "x4." + type, "w4:A", loadMatrix<4, false>, 75), add(load + "x4.trans." + type, "w4:A", loadMatrix<4, true>, 75);
  }
}

}  // namespace ptx
