#include "workers.h"
#include <pthread.h>
#include <sched.h>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include "machine.h"

namespace cuhost {
namespace {

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  asm volatile("yield");
#endif
}

int64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000ll + t.tv_nsec;
}

constexpr int64_t SPIN_NANOSECONDS = 50'000;

int defaultThreads() {
  const char* text = std::getenv("CUHOST_THREADS");
  if (text != nullptr && std::atoi(text) > 0) return std::min(std::atoi(text), 1024);
  return static_cast<int>(usableCores().value);
}

// The process' own signals stay with the process' own threads.
void blockSignals() {
  sigset_t set;
  sigfillset(&set);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) sigdelset(&set, fault);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

void Pool::SpinLock::lock() {
  for (int spins = 0; held.exchange(true, std::memory_order_acquire); ++spins) {
    while (held.load(std::memory_order_relaxed)) {
      if (++spins > 200) {
        sched_yield();  // its holder may not be running
      } else {
        pause();
      }
    }
  }
}

// Never destroyed: workers may be running when the process ends.
Pool& Pool::get() {
  static Pool* pool = new Pool;
  return *pool;
}

Pool::Pool() {
  wanted = defaultThreads();
  start(wanted);
  std::thread([this] { callbacks(); }).detach();
}

void Pool::start(int threads) {
  stopping = false;
  for (int i = 0; i < threads; ++i) pool.emplace_back([this, i, threads] { work(i, threads); });
}

void Pool::stop() {
  stopping = true;
  wakeups.fetch_add(1);
  wakeups.notify_all();
  for (std::thread& t : pool) t.join();
  pool.clear();
}

int Pool::threads() { return wanted.load(std::memory_order_relaxed); }

void Pool::resize(int threads) {
  std::lock_guard lock(size);
  if (threads == wanted) return;
  synchronizeAll(false);
  stop();
  wanted = threads;
  start(threads);
}

void Pool::submit(std::shared_ptr<Stream> stream) {
  {
    std::lock_guard lock(lists);
    ready.push_back(std::move(stream));
    available.fetch_add(1);
  }
  wake(1);
}

void Pool::publish(std::shared_ptr<Stream> stream, int helpers) {
  {
    std::lock_guard lock(lists);
    jobs.push_back(std::move(stream));
    available.fetch_add(1);
  }
  wake(helpers);
}

void Pool::withdraw(const Stream* stream) {
  std::shared_ptr<Stream> dropped;  // released without the lock
  std::lock_guard lock(lists);
  for (auto& j : jobs) {
    if (j.get() != stream) continue;
    dropped = std::move(j);
    j = std::move(jobs.back());
    jobs.pop_back();
    available.fetch_sub(1);
    return;
  }
}

// A worker that spins finds the work by itself.
void Pool::wake(int wanted) {
  wanted = std::min(wanted - spinning.load(), sleeping.load());
  if (wanted <= 0) return;
  wakeups.fetch_add(1);
  if (wanted == 1) {
    wakeups.notify_one();
  } else {
    wakeups.notify_all();
  }
}

std::shared_ptr<Stream> Pool::take(bool& helping) {
  if (available.load(std::memory_order_relaxed) == 0) return nullptr;
  std::shared_ptr<Stream> stream = takeListed(helping);
  // Submitters count on a spinning worker for one thing each; who takes one looks after the rest.
  if (stream != nullptr && available.load(std::memory_order_relaxed) > 0) wake(1);
  return stream;
}

std::shared_ptr<Stream> Pool::takeListed(bool& helping) {
  std::lock_guard lock(lists);
  for (size_t i = jobs.size(); i-- > 0;) {
    Job& job = jobs[i]->job;
    if (job.next.load(std::memory_order_relaxed) >= job.count) continue;  // about to be withdrawn
    job.workers.fetch_add(1);
    helping = true;
    return jobs[i];
  }
  if (ready.empty()) return nullptr;
  helping = false;
  std::shared_ptr<Stream> stream = std::move(ready.front());
  ready.pop_front();
  available.fetch_sub(1);
  return stream;
}

bool Pool::idle() {
  spinning.fetch_add(1);
  int64_t end = now() + SPIN_NANOSECONDS;
  bool found = false;
  do {
    for (int i = 0; i < 64 && !found; ++i) {
      pause();
      found = available.load(std::memory_order_relaxed) > 0 || stopping.load(std::memory_order_relaxed);
    }
  } while (!found && now() < end);
  int seen = wakeups.load();
  sleeping.fetch_add(1);
  spinning.fetch_sub(1);  // from here on a submitter must wake us
  if (!found && available.load() == 0 && !stopping) wakeups.wait(seen);
  sleeping.fetch_sub(1);
  return !stopping;
}

void Pool::work(int index, int count) {
  blockSignals();
  char name[16];
  std::snprintf(name, sizeof name, "cuhost-%d", index);
  pthread_setname_np(pthread_self(), name);
  Worker worker;
  worker.lent.index = index;
  worker.lent.count = count;
  do {
    bool helping = false;
    while (std::shared_ptr<Stream> stream = take(helping)) {
      if (!helping || stream->joinJob(worker)) stream->advance(worker);
    }
  } while (idle());
}

void Pool::callHost(std::shared_ptr<Stream> stream, HostCall call) {
  {
    std::lock_guard lock(hostMutex);
    hostCalls.emplace_back(std::move(stream), call);
  }
  hostSignal.fetch_add(1);
  hostSignal.notify_one();
}

void Pool::callbacks() {
  blockSignals();
  pthread_setname_np(pthread_self(), "cuhost-calls");
  for (;;) {
    int seen = hostSignal.load();
    std::unique_lock lock(hostMutex);
    if (hostCalls.empty()) {
      lock.unlock();
      hostSignal.wait(seen);
      continue;
    }
    auto [stream, call] = std::move(hostCalls.front());
    hostCalls.pop_front();
    lock.unlock();
    call.function(call.argument);
    submit(std::move(stream));
  }
}

}  // namespace cuhost
