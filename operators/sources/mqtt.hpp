// The source `mqtt`: messages of a broker.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/mqtt_connection_options.hpp"
#include "operators/common/mqtt_deliveries.hpp"
#include "operators/common/mqtt_topic.hpp"
#include "operators/sources/mqtt_arrivals.hpp"
#include "operators/sources/mqtt_client.hpp"
#include "operators/sources/mqtt_topics.hpp"

namespace flow::operators {

// One partition, `mqtt`. Its position counts messages of all runs; it is what a host says to
// acknowledge up to.
class MqttSource final : public Source {
 public:
  struct Options : MqttConnectionOptions {
    std::vector<std::string> topics;
    int64_t qos = 1;
    std::optional<std::string> topic_fields;
    std::vector<std::string> columns{"topic", "qos", "retained"};
    std::string prefix;
    Duration session_expiry{24 * 3'600'000'000'000};
    int64_t receive_maximum = 4096;
    Size max_payload{1 << 20};
    Size buffer{4 << 20};
    Duration batch_wait{2'000'000};
  };
  // Checked options.
  struct Shared {
    Shared(const Options& options, Host host);
    MqttAddress address;
    std::optional<MqttTopicPattern> pattern;
    bool has_topic = false;
    bool has_qos = false;
    bool has_retained = false;
    std::vector<std::string> names;  // of the columns behind the payload
  };
  static void describe(Description<Options>& d);
  static void infer(const Options& options, Shared& shared, Inference& inference);

  MqttSource(const Options& options, Shared& shared);

  // Throws Failure where the certificates cannot be read.
  void open(Output& out) override;
  Status poll(SourceOutput& out) override;
  void assign(const std::string& partition, std::optional<std::string_view> position) override;
  void revoke(const std::string& partition) override;
  void wake() override;
  void acknowledge(const std::string& partition, std::string_view position) override;
  void close(bool drained, Output& out) override;

 private:
  void sort_arrivals();
  Batch batch(Output& out, const std::vector<size_t>& messages);
  void fail_messages(Output& out);
  void send_answers();
  std::string client_id() const;

  const Options& options_;
  Shared& shared_;
  std::optional<Host> host_;
  MqttTopics topics_;
  MqttDeliveries deliveries_;
  std::unique_ptr<MqttClient> client_;
  MqttArrivals arrivals_;
  std::vector<size_t> good_, bad_;  // items of arrivals_
  uint64_t connection_ = 0;
  uint64_t sequence_ = 0;  // of the next message
  bool assigned_ = false;
  Metric redelivered_, unmatched_, waiting_;
};

}  // namespace flow::operators
