// The source and the sink `mqtt`, as tests drive them.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "flow/testing/harness.hpp"
#include "operators/sinks/mqtt.hpp"
#include "operators/sources/mqtt.hpp"

namespace flow::testing {

using MqttRow = std::map<std::string, std::string>;  // text by column

// A source that is polled until something holds.
class MqttSubscriber {
 public:
  explicit MqttSubscriber(const Settings& settings, bool checkpoints = false)
      : harness_(Harness::of<operators::MqttSource>(settings)) {
    harness_.host().checkpoints = checkpoints;
    harness_.assign("mqtt");
  }

  Harness& harness() { return harness_; }
  const std::vector<MqttRow>& rows() const { return rows_; }
  std::vector<std::string> payloads() const {
    std::vector<std::string> texts;
    for (const MqttRow& row : rows_) texts.push_back(row.at("payload"));
    return texts;
  }
  // False: not within `seconds`.
  bool until(const std::function<bool()>& done, double seconds = 20) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      poll();
    }
    return true;
  }
  bool until_rows(size_t n) {
    return until([&] { return rows_.size() >= n; });
  }
  bool until_connected() {
    return until([&] { return harness_.metric("mqtt_connected") == 1; });
  }
  void poll_for(double seconds) {
    until([] { return false; }, seconds);
  }
  // What a host does when everything so far is on disk.
  void acknowledge() {
    const std::vector<Emission>& emissions = harness_.host().emissions;
    if (emissions.empty()) return;
    const std::string& position = emissions.back().position;
    harness_.op()->acknowledge(harness_.op(), "mqtt", position.data(),
                               static_cast<uint32_t>(position.size()));
  }
  std::string log() {
    std::string text;
    for (const auto& [level, line] : harness_.host().logs) text.append(line).append("\n");
    return text;
  }

 private:
  void poll() {
    harness_.poll();
    for (const Batch& batch : harness_.pull_batches()) {
      const Table table = read_table(batch);
      for (size_t row = 0; row < static_cast<size_t>(batch.rows()); ++row) {
        MqttRow texts;
        for (const TableColumn& column : table.columns) {
          texts[column.name] = text_of(column.cells[row]);
        }
        rows_.push_back(std::move(texts));
      }
    }
  }
  static std::string text_of(const Cell& cell) {
    switch (cell.kind()) {
      case Cell::Kind::kNull:
        return "-";
      case Cell::Kind::kText:
        return cell.text();
      default: {
        std::ostringstream text;
        text << cell;
        return text.str();
      }
    }
  }

  Harness harness_;
  std::vector<MqttRow> rows_;
};

// A sink with a topic of its own for each message.
class MqttSender {
 public:
  explicit MqttSender(Settings settings) : harness_(make(std::move(settings))) {}

  Harness& harness() { return harness_; }
  Batch batch(const std::vector<std::pair<std::string, std::string>>& messages) {
    std::vector<Cell> payloads;
    std::vector<Cell> topics;
    for (const auto& [topic, payload] : messages) {
      topics.emplace_back(topic);
      payloads.emplace_back(payload);
    }
    return harness_.batch({{"bytes", Type::binary(), payloads}, {"kept:t", Type::text(), topics}});
  }
  // Published below "t/", until the broker has them.
  void send(const std::vector<std::pair<std::string, std::string>>& messages) {
    const Batch rows = batch(messages);
    while (harness_.try_push(rows) != FLOW_DONE) {
    }
  }

 private:
  static Harness make(Settings settings) {
    bool has_topic = false;
    for (const auto& [name, value] : settings) has_topic |= name == "topic";
    if (!has_topic) settings.emplace_back("topic", "t/{t}");
    return Harness::of<operators::MqttSink>(settings);
  }
  Harness harness_;
};

// "0", "1", ... each to its topic.
inline std::vector<std::pair<std::string, std::string>> numbered(int first, int n) {
  std::vector<std::pair<std::string, std::string>> messages;
  for (int i = first; i < first + n; ++i) {
    messages.emplace_back("n" + std::to_string(i % 7), std::to_string(i));
  }
  return messages;
}

}  // namespace flow::testing
