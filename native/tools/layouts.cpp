// layouts.cpp: writes how the parameter structs of kernels lie in memory, for the side that fills them. A line a kernel:
//
//   name bytes field:type:offset ...        a field of a struct within as struct.field; types as in module.h
//
// Usage: layouts MODULE.so ...
#include <dlfcn.h>
#include <cstdio>
#include <string>
#include "module.h"

static void print(const CuhostField* fields, uint32_t count, const std::string& outer, uint32_t begin) {
  for (const CuhostField* f = fields; f != fields + count; ++f) {
    std::string name = outer + std::string(f->name, f->nameBytes);
    if (f->type == nullptr) {
      print(f->members, f->memberCount, name + ".", begin + f->offset);
    } else {
      std::printf(" %s:%s:%u", name.c_str(), f->type, begin + f->offset);
    }
  }
}

int main(int count, char** files) {
  for (int i = 1; i < count; ++i) {
    void* library = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
    auto* module = library == nullptr ? nullptr : static_cast<const CuhostModule*>(dlsym(library, "cuhost_module"));
    if (module == nullptr || module->version != CUHOST_MODULE_VERSION) {
      std::fprintf(stderr, "layouts: %s is no kernel module of this build: %s\n", files[i], dlerror());
      return 1;
    }
    for (auto kernel = module->begin; kernel != module->end; ++kernel) {
      if ((*kernel)->fields == nullptr) continue;
      std::printf("%s %u", (*kernel)->name, (*kernel)->paramSizes[0]);
      print((*kernel)->fields, (*kernel)->fieldCount, "", 0);
      std::putchar('\n');
    }
  }
}
