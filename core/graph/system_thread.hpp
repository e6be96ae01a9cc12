// How the system knows a thread: by what name, in `top -H`, in gdb and in a profile, and how much
// it matters.
#pragma once

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

namespace flowrun {

// Names the calling thread; the system keeps the first 15 bytes.
inline void name_thread(const std::string& name) {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
}

// For good: the calling thread gets a tenth of the time of others that want to run on the same
// processor.
inline void lower_thread_priority() {
  constexpr int kNice = 10;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

}  // namespace flowrun
