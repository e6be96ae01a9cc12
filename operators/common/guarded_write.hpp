// write(2), and what its errors mean.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace flow::operators {

// write(2) that keeps SIGPIPE and SIGXFSZ from the process. `error`: its errno, 0 if it wrote.
ssize_t guarded_write(int fd, std::string_view bytes, int& error);

// Throws Retry for what passes (a full disk, a quota, trouble of the device), Failure for what does
// not. `name`: of the target, eg: "file sink: 'out/x.log'"; `left`: bytes not written; `unwritten`:
// what a Failure says is lost.
[[noreturn]] void throw_write_error(const std::string& name, int error, int64_t left,
                                    const std::string& unwritten);

}  // namespace flow::operators
