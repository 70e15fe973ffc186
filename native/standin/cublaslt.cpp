// cublaslt.cpp: a libcublasLt.so.13 for tests. It multiplies in plain loops on devices whose memory is the host's, and
// refuses what cuBLASLt refuses: other types, products that do not fit, leading dimensions below the rows or not as aligned
// as the search said, addresses that are not, a workspace that is missing, an algorithm of another product.
#include "standin.h"

using namespace standin;

namespace {

enum Status { SUCCESS = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
enum { TRANSA = 3, TRANSB = 4, EPILOGUE = 7, BIAS_POINTER = 8 };
enum { MAX_WORKSPACE = 1, ALIGNMENT_A = 5, ALIGNMENT_D = 8 };
enum { EPILOGUE_RELU = 2, EPILOGUE_BIAS = 4 };
constexpr uint64_t WORKSPACE = 8192;

struct Handle {
  std::unique_ptr<Driver> driver;
};
struct Product {
  int compute, scale, transa = 0, transb = 0, epilogue = 1;
  const void* bias = nullptr;
  bool relu() const { return epilogue == EPILOGUE_RELU || epilogue == (EPILOGUE_RELU | EPILOGUE_BIAS); }
  bool hasBias() const { return epilogue == EPILOGUE_BIAS || epilogue == (EPILOGUE_RELU | EPILOGUE_BIAS); }
  bool tf32() const { return compute == 77; }
};
// By columns.
struct Layout {
  int type;
  int64_t rows, columns, leading;
  Type elements() const { return type == 0 ? Type::FLOAT : type == 2 ? Type::HALF : Type::BFLOAT16; }
};
struct Preference {
  uint64_t workspace = 0;
  uint32_t alignment[4] = {256, 256, 256, 256};
};
// What is behind the opaque bytes of an algorithm.
struct Algorithm {
  uint64_t magic;
  int64_t m, n, k;
  uint32_t alignment[4];
  int32_t type, epilogue;
};
constexpr uint64_t MAGIC = 0x6361746e616c676f;
struct Result {
  char algorithm[64];
  size_t workspace;
  int status;
  float waves;
  int reserved[4];
};
static_assert(sizeof(Algorithm) <= 64 && sizeof(Result) == 96);

bool fits(const Product& p, const Layout& a, const Layout& b, const Layout& c, const Layout& d) {
  if (p.scale != 0 || (p.compute != 68 && p.compute != 77) || p.transa > 1 || p.transb > 1) return false;
  if (p.compute == 77 && a.type != 0) return false;
  for (const Layout* l : {&a, &b, &c, &d}) {
    if (l->type != a.type || (l->type != 0 && l->type != 2 && l->type != 14) || l->leading < l->rows) return false;
  }
  int64_t m = p.transa ? a.columns : a.rows, k = p.transa ? a.rows : a.columns;
  return (p.transb ? b.columns : b.rows) == k && (p.transb ? b.rows : b.columns) == d.columns && m == d.rows &&
         c.rows == d.rows && c.columns == d.columns;
}

void multiply(const Product& p, float alpha, const void* a, const Layout& la, const void* b, const Layout& lb, float beta,
              const void* c, const Layout& lc, void* d, const Layout& ld) {
  Type type = ld.elements();
  int64_t inner = p.transa ? la.rows : la.columns;
  auto factor = [&](const void* of, const Layout& l, bool transposed, int64_t row, int64_t column) {
    float value = load(of, transposed ? row * l.leading + column : column * l.leading + row, type);
    return p.tf32() ? roundToTf32(value) : value;
  };
  for (int64_t column = 0; column < ld.columns; column++) {
    for (int64_t row = 0; row < ld.rows; row++) {
      double sum = 0;
      for (int64_t k = 0; k < inner; k++) {
        sum += double(factor(a, la, p.transa, row, k)) * factor(b, lb, p.transb, k, column);
      }
      float result = alpha * float(sum);
      if (beta != 0) result += beta * load(c, column * lc.leading + row, type);
      if (p.hasBias()) result += load(p.bias, row, type);
      if (p.relu() && result < 0) result = 0;
      store(d, column * ld.leading + row, type, result);
    }
  }
}

template <class T>
int destroy(T* object) {
  delete object;
  return object ? SUCCESS : INVALID_VALUE;
}

}  // namespace

STANDIN_API size_t cublasLtGetVersion() { return 130000; }
STANDIN_API const char* cublasLtGetStatusName(int status) {
  switch (status) {
    case SUCCESS: return "CUBLAS_STATUS_SUCCESS";
    case NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
    default: return "CUBLAS_STATUS_NOT_SUPPORTED";
  }
}

STANDIN_API int cublasLtCreate(Handle** out) {
  auto driver = Driver::current();
  if (!driver || !driver->takesMemory()) return NOT_INITIALIZED;
  *out = new Handle{std::move(driver)};
  return SUCCESS;
}
STANDIN_API int cublasLtDestroy(Handle* handle) { return destroy(handle); }

STANDIN_API int cublasLtMatmulDescCreate(Product** out, int compute, int scale) {
  *out = new Product{compute, scale};
  return SUCCESS;
}
STANDIN_API int cublasLtMatmulDescDestroy(Product* product) { return destroy(product); }

STANDIN_API int cublasLtMatmulDescSetAttribute(Product* product, int attribute, const void* value, size_t bytes) {
  if (attribute == BIAS_POINTER) {
    if (bytes != sizeof(void*)) return INVALID_VALUE;
    std::memcpy(&product->bias, value, bytes);
    return SUCCESS;
  }
  int number = 0;
  if (bytes != sizeof number) return INVALID_VALUE;
  std::memcpy(&number, value, bytes);
  switch (attribute) {
    case TRANSA: product->transa = number; return SUCCESS;
    case TRANSB: product->transb = number; return SUCCESS;
    case EPILOGUE: product->epilogue = number; return number >= 1 && number <= 6 ? SUCCESS : INVALID_VALUE;
    default: return INVALID_VALUE;
  }
}

STANDIN_API int cublasLtMatrixLayoutCreate(Layout** out, int type, uint64_t rows, uint64_t columns, int64_t leading) {
  *out = new Layout{type, int64_t(rows), int64_t(columns), leading};
  return SUCCESS;
}
STANDIN_API int cublasLtMatrixLayoutDestroy(Layout* layout) { return destroy(layout); }

STANDIN_API int cublasLtMatmulPreferenceCreate(Preference** out) {
  *out = new Preference;
  return SUCCESS;
}
STANDIN_API int cublasLtMatmulPreferenceDestroy(Preference* preference) { return destroy(preference); }

STANDIN_API int cublasLtMatmulPreferenceSetAttribute(Preference* to, int attribute, const void* value, size_t bytes) {
  if (attribute == MAX_WORKSPACE && bytes == sizeof to->workspace) {
    std::memcpy(&to->workspace, value, bytes);
    return SUCCESS;
  }
  if (attribute >= ALIGNMENT_A && attribute <= ALIGNMENT_D && bytes == sizeof(uint32_t)) {
    std::memcpy(&to->alignment[attribute - ALIGNMENT_A], value, bytes);
    return SUCCESS;
  }
  return INVALID_VALUE;
}

STANDIN_API int cublasLtMatmulAlgoGetHeuristic(Handle* handle, const Product* product, const Layout* a, const Layout* b,
    const Layout* c, const Layout* d, const Preference* preference, int room, Result* results, int* count) {
  *count = 0;
  if (!handle || !product || !preference || room < 1) return INVALID_VALUE;
  if (!fits(*product, *a, *b, *c, *d)) return INVALID_VALUE;
  const Layout* layouts[] = {a, b, c, d};
  for (int i = 0; i < 4; i++) {
    // As the libraries' kernels: 16-bit elements in pairs at least, columns as aligned as the first element.
    uint32_t alignment = preference->alignment[i];
    int64_t column = layouts[i]->leading * bytesOf(layouts[i]->elements());
    if (alignment < 4 || (alignment & (alignment - 1)) != 0 || column % std::min<int64_t>(alignment, 16) != 0) {
      return NOT_SUPPORTED;
    }
  }
  if (product->hasBias() && (!product->bias || reinterpret_cast<uintptr_t>(product->bias) % 16 != 0)) return NOT_SUPPORTED;
  if (preference->workspace < WORKSPACE) return NOT_SUPPORTED;
  Algorithm algorithm{MAGIC, d->rows, d->columns, b->rows, {}, a->type, product->epilogue};
  std::memcpy(algorithm.alignment, preference->alignment, sizeof algorithm.alignment);
  *results = Result{};
  std::memcpy(results->algorithm, &algorithm, sizeof algorithm);
  results->workspace = WORKSPACE;
  *count = 1;
  return SUCCESS;
}

STANDIN_API int cublasLtMatmul(Handle* handle, const Product* product, const float* alpha, const void* a, const Layout* la,
    const void* b, const Layout* lb, const float* beta, const void* c, const Layout* lc, void* d, const Layout* ld,
    const void* opaque, void* workspace, size_t bytes, CUstream stream) {
  Algorithm algorithm;
  if (!handle || !product || !opaque || !fits(*product, *la, *lb, *lc, *ld)) return INVALID_VALUE;
  std::memcpy(&algorithm, opaque, sizeof algorithm);
  bool same = algorithm.magic == MAGIC && algorithm.m == ld->rows && algorithm.n == ld->columns &&
              algorithm.k == lb->rows && algorithm.type == la->type && algorithm.epilogue == product->epilogue;
  if (!same || bytes < WORKSPACE || !workspace || reinterpret_cast<uintptr_t>(workspace) % 16 != 0) return INVALID_VALUE;
  const void* addresses[] = {a, b, c, d};
  for (int i = 0; i < 4; i++) {
    if (!addresses[i] || reinterpret_cast<uintptr_t>(addresses[i]) % algorithm.alignment[i] != 0) return INVALID_VALUE;
  }
  if (product->hasBias() && !product->bias) return INVALID_VALUE;
  auto job = [=, p = *product, la = *la, lb = *lb, lc = *lc, ld = *ld, alpha = *alpha, beta = *beta] {
    std::memset(workspace, 0xa5, WORKSPACE);  // whoever lies there is overwritten
    multiply(p, alpha, a, la, b, lb, beta, c, lc, d, ld);
  };
  int64_t element = bytesOf(ld->elements());
  bool enqueued = handle->driver->enqueue(stream, job) &&
                  handle->driver->wrote(stream, d, ld->columns, ld->rows * element, ld->leading * element);
  return enqueued ? SUCCESS : EXECUTION_FAILED;
}
