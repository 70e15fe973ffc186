// cuhost_test MODULE.so [name...]: runs all tests, or those whose name contains one of the given words.
// cuhost_test MODULE.so --one name runs a test that is expected to end the process (a sanitizer's report).
#include <cstring>
#include "device.h"

void beyondGlobal();
void beyondShared();
void releaseTakesEverything();
std::string self;

int main(int count, char** arguments) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  self = arguments[0];
  modulePath = arguments[1];
  OK(cuInit(0));
  CUcontext context = nullptr;
  OK(cuDevicePrimaryCtxRetain(&context, 0));
  OK(cuCtxSetCurrent(context));
  if (count > 3 && std::strcmp(arguments[2], "--one") == 0) {
    std::strcmp(arguments[3], "beyondGlobal") == 0 ? beyondGlobal() : beyondShared();
    return 0;
  }
  int ran = 0;
  for (const Test& test : tests()) {
    bool chosen = count <= 2;
    for (int i = 2; i < count; ++i) chosen |= std::strstr(test.name, arguments[i]) != nullptr;
    if (!chosen) continue;
    int before = failures;
    test.run();
    ++ran;
    if (failures > before) std::printf("FAILED %s\n", test.name);
  }
  releaseTakesEverything();
  std::printf("%d tests, %d failed checks\n", ran, failures);
  return failures == 0 && ran > 0 ? 0 : 1;
}
