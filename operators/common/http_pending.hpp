// Requests that wait for what the flow makes of them: where `http` sources and `respond` sinks
// meet.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "operators/common/http_exchange.hpp"
#include "operators/common/secret_bits.hpp"

namespace flow::operators {

// One a process. [any]
//
// A request is known by its id, which its rows carry, and by the positions of its records, which
// dead letters carry. Most of an id is a secret of that request: rows can come from anybody who may
// send some to the same sink, and nobody is to answer what others asked. So rows which a journal
// brings back after a restart belong to no request, either.
class HttpPending {
 public:
  static HttpPending& instance();

  // "5f1d0c9a3b2e4f68b81f2d4c6a7e9035-1c": the secret, and the number of the request. Of one that
  // does not wait it is another one each time.
  std::string id(uint64_t ticket);

  // The request of that reply, to that partition, waits for as many rows.
  void add(const HttpReply& reply, int64_t rows, const std::string& partition);
  // Its records have the positions [begin, end) of the partition.
  void place(uint64_t ticket, int64_t begin, int64_t end);
  // False: it has been answered.
  bool remove(uint64_t ticket);
  // No row comes any more for requests to the partition.
  void end(std::string_view partition);

  // Whose row that is; none: nobody waits for it.
  std::optional<uint64_t> find(std::string_view id) const;
  std::optional<uint64_t> find(std::string_view partition, int64_t position) const;
  // One of the rows of the request, as JSON; or why there will be none. The last one answers the
  // request: with the row itself if it is to be one, else with an array in the order of arrival.
  void add_row(uint64_t ticket, std::string_view json);
  void add_failure(uint64_t ticket, std::string_view reason, std::string_view message);

 private:
  struct Waiting {
    HttpReply reply;
    SecretBits secret;
    int64_t rows = 0;
    int64_t came = 0;
    int64_t failed = 0;
    std::string body;
    std::string partition;
    int64_t begin = 0, end = 0;
  };
  using Requests = std::unordered_map<uint64_t, Waiting>;

  HttpPending() = default;
  void add_text(uint64_t ticket, std::string_view json, bool is_failure);
  void forget(Requests::iterator at);

  mutable std::mutex mutex_;  // guards what follows
  SecretBitsMaker secrets_;
  Requests requests_;
  std::map<std::string, std::map<int64_t, uint64_t>, std::less<>> places_;  // by begin
};

}  // namespace flow::operators
