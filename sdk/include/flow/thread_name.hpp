// The name of a thread, for one that a plugin starts itself.
#pragma once

#include <pthread.h>

#include <string>
#include <string_view>

namespace flow {

// Names the calling thread, for `top -H`, gdb and profiles; the system keeps the first 15 bytes. A
// thread that has none is called as the one that started it.
inline void name_thread(std::string_view name) {
  ::pthread_setname_np(::pthread_self(), std::string(name.substr(0, 15)).c_str());
}

}  // namespace flow
