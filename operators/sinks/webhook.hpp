// The sink `webhook`: each row as an HTTP request.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/field_template.hpp"
#include "operators/common/field_text.hpp"
#include "operators/sinks/webhook_client.hpp"

namespace flow::operators {

// A call sends the rows of its batch and returns when each has an outcome.
class WebhookSink final : public Sink {
 public:
  enum class Method : uint8_t { kPost, kPut, kPatch };
  struct Options {
    Secret url;
    Method method = Method::kPost;
    std::optional<std::string> body;
    std::string content_type = "application/json";
    Table headers;
    std::optional<Secret> secret;
    std::string secret_header = "Authorization";
    std::optional<std::string> ca_file;
    Duration timeout{10'000'000'000};
    int64_t concurrency = 4;
    int64_t max_attempts = 10;
    Duration backoff{500'000'000};
    Duration max_backoff{60'000'000'000};
  };
  struct Shared {
    // Throws OptionFailure.
    Shared(const Options& options, Host);
    std::optional<FieldTemplate> body;
    WebhookSettings settings;
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);
  static std::vector<std::string> kept_fields(const Options& options);

  WebhookSink(const Options& options, Shared& shared);
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;

 private:
  struct Part {
    std::string literal;
    size_t field = 0;  // among the kept ones
    bool is_field = false;
    FieldText text;
  };

  void bind(const Batch& in, Host host);
  std::string_view body(const TextView& encoded, int64_t row, std::string& storage);

  std::vector<Part> parts_;
  std::vector<std::string> fields_;
  WebhookClient client_;
  std::string value_;
  // Rows of the batch that have their outcome, where the last call ended in a Retry.
  std::vector<bool> done_;
  bool again_ = false;
  Metric requests_, retries_;
};

}  // namespace flow::operators
