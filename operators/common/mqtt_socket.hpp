// Options of a TCP socket that many small packets need.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace flow::operators {

// Acknowledges what was read of `socket`, at once. Brokers (mosquitto, unless told otherwise) hold
// a small packet back while an earlier one is not acknowledged by TCP (Nagle's algorithm), and the
// kernel here leaves that for up to 40 ms unless something is sent. Holds for what was read so far:
// to be called after every read.
inline void acknowledge_segments(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

// Between true and false, small packets that are written one by one go out together.
inline void cork_segments(int socket, bool is_corked) {
  const int on = is_corked ? 1 : 0;
  ::setsockopt(socket, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

}  // namespace flow::operators
