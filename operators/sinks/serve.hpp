// The sink `serve`: the newest row of each key, for whoever asks by HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/field_text.hpp"
#include "operators/common/http_listen_options.hpp"
#include "operators/common/http_server.hpp"
#include "operators/sinks/serve_table.hpp"

namespace flow::operators {

class ServeSink final : public Sink {
 public:
  struct Options : HttpListenOptions {
    std::string table;
    Field key;
    Field erase;  // empty: none
    int64_t max_rows = 1'000'000;
    Size max_bytes{256 << 20};
  };
  struct Shared {
    Shared(const Options& options, Host host);
    HttpListenSettings settings;
    HttpAuthorization authorization;
  };
  static void describe(Description<Options>& d);
  static std::vector<std::string> kept_fields(const Options& options);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  ServeSink(const Options& options, Shared& shared);
  ~ServeSink() override;

  // Throws Failure where the address cannot be had.
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;

 private:
  bool put(const Batch& in, int64_t row, std::string_view json, Output& out);

  const Options& options_;
  Shared& shared_;
  const std::string path_;  // without a slash at its end
  std::shared_ptr<ServeTable> table_;
  std::shared_ptr<HttpServer> server_;
  FieldText text_;
  std::optional<BoolView> erases_;  // of the batch
  std::string key_;
  int64_t evicted_before_ = 0;
  Metric rows_, bytes_, evicted_;
};

}  // namespace flow::operators
