// workers.h: the pool of worker threads that all streams share.
#pragma once
#include <thread>
#include "streams.h"

namespace cuhost {

class Pool {
 public:
  static Pool& get();

  void submit(std::shared_ptr<Stream> stream);                 // it has something to do
  void publish(std::shared_ptr<Stream> stream, int helpers);   // its job wants helpers
  void withdraw(const Stream* stream);                         // its job has no more units
  void callHost(std::shared_ptr<Stream> stream, HostCall call);  // on the callback thread; then submits the stream

  int threads();
  void resize(int threads);  // waits for the streams to be idle

 private:
  Pool();
  void start(int threads);
  void stop();
  void work(int index, int count);
  std::shared_ptr<Stream> take(bool& helping);
  std::shared_ptr<Stream> takeListed(bool& helping);
  bool idle();  // spins, then sleeps; false: the pool stops
  void wake(int wanted);
  void callbacks();

  class SpinLock {
   public:
    void lock();
    void unlock() { held.store(false, std::memory_order_release); }

   private:
    std::atomic<bool> held{false};
  };

  SpinLock lists;
  std::deque<std::shared_ptr<Stream>> ready;
  std::vector<std::shared_ptr<Stream>> jobs;
  alignas(64) std::atomic<int> available{0};  // entries of both lists
  alignas(64) std::atomic<int> spinning{0};
  std::atomic<int> sleeping{0};
  std::atomic<int> wakeups{0};
  std::atomic<bool> stopping{false};

  std::mutex size;  // guards the threads themselves
  std::vector<std::thread> pool;
  std::atomic<int> wanted{0};

  std::mutex hostMutex;
  std::deque<std::pair<std::shared_ptr<Stream>, HostCall>> hostCalls;
  std::atomic<int> hostSignal{0};
};

}  // namespace cuhost
