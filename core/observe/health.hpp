// Whether the process lives and whether the pipeline runs, for orchestrators.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flowrun {

// What the runtime tells about its life, and what /healthz and /readyz answer. [any thread]
class Health {
 public:
  explicit Health(std::string pipeline) : pipeline_(std::move(pipeline)) {}

  // Not ready before `component` is open.
  void expect(std::string_view component);
  void opened(std::string_view component);
  // The graph runs.
  void running();
  // The pipeline is stopping, for whatever reason; it does not become ready again.
  void draining(std::string_view reason);
  // A failure that ends the pipeline. The first message is kept.
  void failed(std::string_view message);

  struct Answer {
    bool good = false;
    std::string json;  // one object and a line feed
  };
  // Good as long as failed() was not called.
  // {"status":"ok","pipeline":"weblogs"} or {"status":"failed","pipeline":...,"message":...}
  Answer alive() const;
  // Good once all expected components are open and the graph runs, until it drains or fails.
  // {"status":"ready",...} or {"status":"not ready",...,"missing":["component index is not open"]}
  Answer ready() const;

 private:
  const std::string pipeline_;
  mutable std::mutex mutex_;         // guards all that follows
  std::vector<std::string> closed_;  // expected, not open yet
  bool running_ = false;
  bool draining_ = false;
  bool failed_ = false;
  std::string drain_reason_;
  std::string failure_;
};

}  // namespace flowrun
