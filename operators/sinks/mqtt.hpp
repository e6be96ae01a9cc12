// The sink `mqtt`: rows as messages to a broker.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/operator.hpp"
#include "operators/common/mqtt_connection_options.hpp"
#include "operators/common/mqtt_topic.hpp"
#include "operators/sinks/mqtt_publisher.hpp"

namespace flow::operators {

// Takes one column of encoded messages, and beside it the fields that `topic` names. A call returns
// when the broker has answered for each of its rows.
class MqttSink final : public Sink {
 public:
  struct Options : MqttConnectionOptions {
    std::string topic;
    int64_t qos = 1;
    bool retain = false;
    int64_t in_flight = 1000;
    Duration timeout{10'000'000'000};
  };
  // Checked options.
  struct Shared {
    Shared(const Options& options, Host host);
    MqttAddress address;
    MqttTopicTemplate topic;
  };
  static void describe(Description<Options>& d);
  static std::vector<std::string> kept_fields(const Options& options);

  MqttSink(const Options& options, Shared& shared);

  // Throws Failure where the certificates cannot be read. Does not wait for the broker.
  void open(Output& out) override;
  void process(const Batch& in, Output& out) override;
  void close(bool drained, Output& out) override;

 private:
  using Clock = std::chrono::steady_clock;
  void begin(const Batch& in, Output& out);
  // Publishes rows while there is room for them. False: there is no connection.
  bool publish_some(const Batch& in, Output& out);
  // True: something went on.
  bool settle_some(const Batch& in, Output& out);
  void lose_unanswered();
  [[noreturn]] void give_up(Output& out);

  const Options& options_;
  Shared& shared_;
  MqttTopicMaker topics_;
  std::unique_ptr<MqttPublisher> publisher_;
  bool is_under_way_ = false;   // the batch of the last call is not done
  int64_t next_ = 0;            // row of the batch
  std::vector<int64_t> again_;  // rows that a broken connection may have lost, the last first
  boost::unordered_flat_map<int, int64_t> unanswered_;  // row by message
  std::vector<MqttPublisher::Outcome> outcomes_;
  uint64_t connection_ = 0;  // that what is unanswered was sent on
  std::string topic_;
  Clock::time_point progress_;
};

}  // namespace flow::operators
