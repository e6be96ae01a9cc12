// The source `http`: records that are sent to it by POST.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/http_listen_options.hpp"
#include "operators/common/http_server.hpp"
#include "operators/sources/http_inbox.hpp"

namespace flow::operators {

class HttpSourceRoute;

// One partition, named by address and path. Its position counts the bytes of all records, each
// piece of a body with one more, as the host numbers messages; it is what a host says to
// acknowledge up to.
class HttpSource final : public Source {
 public:
  enum class Acknowledge : uint8_t { kAccepted, kDurable, kResponse };
  enum class Format : uint8_t { kJson, kRaw };
  struct Options : HttpListenOptions {
    std::string path = "/events";
    Acknowledge acknowledge = Acknowledge::kAccepted;
    Format format = Format::kJson;
    std::vector<std::string> columns;
    std::vector<std::string> headers;
    std::string prefix;
    std::string id_field = "request_id";
    Size max_record{1 << 20};
    Size max_body{8 << 20};
    Size buffer{32 << 20};
    Duration batch_wait{0};
    Duration accept_timeout{2'000'000'000};
    Duration timeout{10'000'000'000};
  };
  enum class Column : uint8_t { kRequestId, kRemoteAddress, kPath, kQuery, kReceived, kHeader };
  // Checked options.
  struct Shared {
    Shared(const Options& options, Host host);
    HttpListenSettings settings;
    HttpAuthorization authorization;
    std::vector<std::pair<std::string, Column>> columns;  // behind the body; headers last
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  HttpSource(const Options& options, Shared& shared);
  ~HttpSource() override;

  // Throws OptionFailure where address, files or path cannot be had.
  void open(Output& out) override;
  Status poll(SourceOutput& out) override;
  void assign(const std::string& partition, std::optional<std::string_view> position) override;
  void revoke(const std::string& partition) override;
  void wake() override;
  void acknowledge(const std::string& partition, std::string_view position) override;
  void close(bool drained, Output& out) override;

 private:
  struct Undurable {
    int64_t position;
    HttpReply reply;
    HttpAnswer answer;
  };

  void listen();
  void stop();
  Batch batch(Output& out, int64_t rows);
  TypedColumn column(Output& out, int64_t rows, Column kind, size_t header);
  void fail_rejected(Output& out);
  void answer_all();

  const Options& options_;
  Shared& shared_;
  const std::string partition_;
  std::optional<Host> host_;
  std::shared_ptr<HttpServer> server_;
  std::shared_ptr<HttpInbox> inbox_;
  std::shared_ptr<HttpMemory> memory_;
  std::shared_ptr<HttpSourceRoute> route_;
  std::vector<HttpArrival> arrivals_;
  std::deque<Undurable> undurable_;
  std::vector<std::string> strangers_;  // partitions of another address or path
  int64_t position_ = 0;                // of the next byte
  bool assigned_ = false;
  Metric requests_, rejected_;
};

}  // namespace flow::operators
