#include "operators/sinks/mqtt.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <random>
#include <utility>

namespace flow::operators {
namespace {

constexpr int kWaitMilliseconds = 100;
constexpr uint8_t kRefused = 0x80;
// With 3.1.1 a broker cannot say how many messages of QoS 2 it takes at a time, and mosquitto stops
// answering beyond its limit.
constexpr int64_t kMostInFlight3 = 20;

int64_t most_in_flight(const MqttSink::Options& options) {
  const bool is_bounded = options.version == MqttVersion::k3 && options.qos == 2;
  return is_bounded ? std::min(options.in_flight, kMostInFlight3) : options.in_flight;
}

MqttTopicTemplate parse_topic(const std::string& text) {
  try {
    return MqttTopicTemplate(text);
  } catch (const OptionFailure&) {
    throw;
  } catch (const Failure& failure) {
    throw OptionFailure("topic", failure.what());
  }
}

std::string random_client_id() {
  std::random_device random;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "flowrun-%08x%08x", random(), random());
  return text.data();
}

}  // namespace

MqttSink::Shared::Shared(const Options& options, Host)
    : address(check_mqtt_connection(options)), topic(parse_topic(options.topic)) {}

void MqttSink::describe(Description<Options>& d) {
  d.name("mqtt");
  d.summary("Publishes rows to topics of an MQTT broker.");
  d.doc(
      "What the codec named by `encoding` makes of a row is a message. `topic` may name fields: "
      "`plant/{plant}/{device}`; it begins with a fixed text, and in a value `/`, `+`, `#`, `%` "
      "and "
      "control characters become `%XX`, so that no row leaves its place in the tree. A row without "
      "one of the fields goes to `errors` as `missing_field`, one whose topic is longer than "
      "65,535 "
      "bytes as `bad_topic`, one that is larger than the broker or the protocol takes as "
      "`too_large`, and one that a broker of version 5 refuses as `refused`, with its reason; a "
      "broker of version 3.1.1 says nothing of that.\n\n"
      "**Delivery is at least once** with QoS 1 and 2: a row counts as delivered when the broker "
      "has answered (PUBACK, PUBCOMP), and what is unanswered when the connection breaks is sent "
      "again with the next one, so that some messages may come twice; after a restart of this "
      "program those since the last checkpoint do. With QoS 0 a row counts as delivered when its "
      "message was handed to the network, and is lost if that loses it.\n\n"
      "While there is no broker, the pipeline stands still within its memory limit; the attempts "
      "to "
      "connect are logged and counted as `mqtt_connection_failures`, `mqtt_connected` is 0, and "
      "after `timeout` an alarm is raised. A refused login is such a trouble too: nothing is "
      "dropped.");
  d.example(
      "type = \"mqtt\"\ninputs = [\"alerts\"]\nurl = \"mqtt://localhost:1883\"\n"
      "topic = \"alerts/{device}\"\nencoding = \"json\"\n");
  d.traits(FLOW_MESSAGES | FLOW_SERIAL | FLOW_BLOCKING);
  d.output("errors", "Rows without a topic, and those that the broker does not take.");
  describe_mqtt_connection(
      d, "What the broker knows this client by. Left out, another one each time.");
  d.option("topic", &Options::topic,
           "Where to publish; fields in braces, `{{` and `}}` for a brace.")
      .required();
  d.option("qos", &Options::qos,
           "The quality of service: 0 at most once, 1 at least once, 2 exactly once over the "
           "network, for twice the packets.")
      .range(0, 2);
  d.option("retain", &Options::retain,
           "Makes the broker keep the newest message of each topic for those who subscribe later.");
  d.option(
       "in_flight", &Options::in_flight,
       "How many messages may be without an answer. A broker of version 5 may want fewer; "
       "mosquitto wants 20 unless told otherwise (`max_inflight_messages`). One of 3.1.1 cannot "
       "say so: of QoS 2 at most 20 are sent to it at a time.")
      .range(1, 65'000);
  d.option("timeout", &Options::timeout,
           "How long nothing may go on until an alarm is raised. The rows wait all the same.")
      .range(1e8, 3600e9);
}

std::vector<std::string> MqttSink::kept_fields(const Options& options) {
  return parse_topic(options.topic).fields();
}

MqttSink::MqttSink(const Options& options, Shared& shared)
    : options_(options), shared_(shared), topics_(shared.topic) {}

void MqttSink::open(Output& out) {
  publisher_ = std::make_unique<MqttPublisher>(options_, shared_.address,
                                               options_.client_id.value_or(random_client_id()),
                                               static_cast<int>(most_in_flight(options_)), out);
}

void MqttSink::close(bool, Output&) { publisher_.reset(); }

void MqttSink::begin(const Batch& in, Output& out) {
  if (in.column_count() == 0 || in.column(0).type != FLOW_BINARY) {
    throw Failure("mqtt sink: the first column is not the binary one that a codec makes");
  }
  if (in.column_count() < 1 + shared_.topic.fields().size()) {
    throw Failure("mqtt sink: the columns that `topic` names are missing");
  }
  topics_.bind(in, 1, out);
  next_ = 0;
  again_.clear();
  is_under_way_ = true;
  progress_ = Clock::now();
}

void MqttSink::process(const Batch& in, Output& out) {
  if (in.rows() == 0) return;
  if (!is_under_way_) {
    begin(in, out);
  } else {
    topics_.bind(in, 1, out);
    progress_ = Clock::now();
  }
  while (true) {
    const bool is_connected = publish_some(in, out);
    if (next_ == in.rows() && again_.empty() && unanswered_.empty()) break;
    if (settle_some(in, out)) {
      progress_ = Clock::now();
      continue;
    }
    if (!is_connected) publisher_->wait_connected(kWaitMilliseconds);
    const auto waited = Clock::now() - progress_;
    if (out.stopping() || waited > std::chrono::nanoseconds(options_.timeout.nanoseconds)) {
      give_up(out);
    }
  }
  is_under_way_ = false;
}

bool MqttSink::publish_some(const Batch& in, Output& out) {
  const TextView payloads(in.column(0));
  while (static_cast<int64_t>(unanswered_.size()) < most_in_flight(options_)) {
    const bool is_repeated = !again_.empty();
    if (!is_repeated && next_ == in.rows()) return true;
    const int64_t row = is_repeated ? again_.back() : next_;
    const auto done = [&] {
      if (is_repeated) {
        again_.pop_back();
      } else {
        ++next_;
      }
    };
    switch (topics_.make(row, topic_)) {
      case MqttTopicMaker::Outcome::kDone:
        break;
      case MqttTopicMaker::Outcome::kNoValue:
        out.fail(in, row, "missing_field",
                 "the row has no '" + topics_.field() + "' for its topic");
        done();
        continue;
      case MqttTopicMaker::Outcome::kTooLong:
        out.fail(in, row, "bad_topic", "its topic would be longer than 65,535 bytes");
        done();
        continue;
    }
    int message = 0;
    switch (publisher_->publish(connection_, topic_, payloads[row], static_cast<int>(options_.qos),
                                options_.retain, message)) {
      case MqttPublisher::Sent::kYes:
        unanswered_[message] = row;
        done();
        break;
      case MqttPublisher::Sent::kNoRoom:
        return false;
      case MqttPublisher::Sent::kTooLarge:
        out.fail(in, row, "too_large",
                 "a message of " + std::to_string(payloads[row].size()) +
                     " bytes is larger than the broker takes");
        done();
        break;
    }
  }
  return true;
}

bool MqttSink::settle_some(const Batch& in, Output& out) {
  publisher_->take(outcomes_, unanswered_.empty() ? 0 : kWaitMilliseconds);
  bool any = false;
  for (const MqttPublisher::Outcome& outcome : outcomes_) {
    const auto at = unanswered_.find(outcome.message);
    if (outcome.connection != connection_ || at == unanswered_.end()) continue;
    if (outcome.reason >= kRefused) {
      out.fail(in, at->second, "refused",
               "the broker refuses the message: " +
                   mqtt_reason_text(outcome.reason, MqttPacketType::kPuback, options_.version));
    }
    unanswered_.erase(at);
    any = true;
  }
  const uint64_t connection = publisher_->connection();
  if (std::exchange(connection_, connection) != connection) lose_unanswered();
  return any;
}

// What a connection that broke has not answered may not have arrived: it goes out once more.
void MqttSink::lose_unanswered() {
  for (const auto& [message, row] : unanswered_) again_.push_back(row);
  unanswered_.clear();
  std::sort(again_.begin(), again_.end(), std::greater<>());
}

void MqttSink::give_up(Output& out) {
  const std::string trouble = publisher_->trouble();
  const std::string place = "mqtt sink: " + shared_.address.to_string() + ": ";
  if (out.stopping()) {
    throw Retry(place + "the run is being stopped before the broker has answered");
  }
  throw Retry(place +
              (trouble.empty() ? "the broker does not answer for what it was sent" : trouble) +
              "; the rows wait until it does");
}

}  // namespace flow::operators
