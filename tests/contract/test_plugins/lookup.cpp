// A blocking operator: answers come later, on a thread of its own.
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "flow/flow.hpp"

namespace {

class Lookup final : public flow::Transform {
 public:
  struct Options {
    flow::Duration delay{1'000'000};
  };
  static void describe(flow::Description<Options>& d) {
    d.name("lookup");
    d.summary("Passes rows on after a while.");
    d.doc("Stands for a request to a server. Every row with a position that ends in 7 fails.");
    d.example("[transforms.asked]\ntype = \"lookup\"\ninputs = [\"words\"]\n");
    d.traits(FLOW_STATELESS | FLOW_BLOCKING);
    d.option("delay", &Options::delay, "How long an answer takes.").range(0, 1e9);
  }

  explicit Lookup(const Options& options) : delay_(options.delay.nanoseconds) {}
  ~Lookup() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    if (server_.joinable()) server_.join();
  }

  void open(flow::Output& out) override {
    server_ = std::thread([this, host = out.get()] { serve(host); });
  }
  void process(const flow::Batch& in, flow::Output& out) override {
    const uint64_t token = out.get()->defer(out.get(), in.get());
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back({token, in});
    }
    changed_.notify_all();
  }

 private:
  struct Request {
    uint64_t token;
    flow::Batch batch;
  };
  void serve(const flow_host* host) {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      Request request = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::nanoseconds(delay_));
      answer(host, request);
      request.batch = flow::Batch();
      lock.lock();
    }
  }
  static void answer(const flow_host* host, const Request& request) {
    const flow_column* positions = request.batch.origin().position;
    std::vector<int32_t> passed, failed;
    for (int64_t row = 0; row < request.batch.rows(); ++row) {
      const bool fails = positions != nullptr && flow::Int64View(*positions)[row] % 10 == 7;
      (fails ? failed : passed).push_back(static_cast<int32_t>(row));
    }
    const flow::Batch rest =
        flow::Host(host).select(request.batch, passed.data(), static_cast<int64_t>(passed.size()));
    host->done(host, request.token, 0, rest.get(), failed.data(),
               static_cast<int64_t>(failed.size()), "not_found", "the server does not know the row",
               FLOW_FAIL_RETRYABLE);
  }

  int64_t delay_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> waiting_;
  bool stop_ = false;
  std::thread server_;
};

}  // namespace

FLOW_PLUGIN_LICENSED("test.lookup", "1.0.0", "Apache-2.0", Lookup)
