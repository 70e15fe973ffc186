// handles.h: handles are numbers, never addresses: a stale, foreign or invented one is found in no table and is an
// error, not a crash.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace cuhost {

// H is the handle's type (CUstream, ...), T the object, KIND tells the tables apart.
template <class H, class T, uint64_t KIND>
class Handles {
 public:
  H add(std::shared_ptr<T> object) {
    std::lock_guard lock(mutex);
    uint32_t index;
    if (free.empty()) {
      index = static_cast<uint32_t>(slots.size());
      slots.emplace_back();
    } else {
      index = free.back();
      free.pop_back();
    }
    slots[index].object = std::move(object);
    return encode(index);
  }

  std::shared_ptr<T> find(H handle) {
    std::lock_guard lock(mutex);
    uint32_t index;
    return decode(handle, index) ? slots[index].object : nullptr;
  }

  std::shared_ptr<T> remove(H handle) {
    std::lock_guard lock(mutex);
    uint32_t index;
    if (!decode(handle, index)) return nullptr;
    return drop(index);
  }

  // All objects that have a handle.
  std::vector<std::shared_ptr<T>> all() {
    std::lock_guard lock(mutex);
    std::vector<std::shared_ptr<T>> result;
    for (Slot& s : slots) {
      if (s.object != nullptr) result.push_back(s.object);
    }
    return result;
  }

  void clear() {
    std::vector<std::shared_ptr<T>> dropped;  // destroyed without the lock
    std::lock_guard lock(mutex);
    for (uint32_t i = 0; i < slots.size(); ++i) {
      if (slots[i].object != nullptr) dropped.push_back(drop(i));
    }
  }

 private:
  struct Slot {
    std::shared_ptr<T> object;
    uint32_t generation = 1;
  };

  H encode(uint32_t index) const {
    return reinterpret_cast<H>(KIND << 52 | uint64_t{slots[index].generation & 0xffffffu} << 28 | uint64_t{index} << 4);
  }
  bool decode(H handle, uint32_t& index) const {
    index = static_cast<uint32_t>(reinterpret_cast<uint64_t>(handle) >> 4 & 0xffffffu);
    return index < slots.size() && slots[index].object != nullptr && encode(index) == handle;
  }
  std::shared_ptr<T> drop(uint32_t index) {
    ++slots[index].generation;
    free.push_back(index);
    return std::move(slots[index].object);
  }

  std::mutex mutex;
  std::vector<Slot> slots;
  std::vector<uint32_t> free;
};

}  // namespace cuhost
