#include "core/observe/health.hpp"

#include <algorithm>

#include "core/observe/text.hpp"

namespace flowrun {
namespace {

void append_member(std::string& json, std::string_view name, std::string_view value) {
  json += ',';
  append_json_string(json, name);
  json += ':';
  append_json_string(json, value);
}

}  // namespace

void Health::expect(std::string_view component) {
  const std::lock_guard lock(mutex_);
  if (std::find(closed_.begin(), closed_.end(), component) == closed_.end()) {
    closed_.emplace_back(component);
  }
}

void Health::opened(std::string_view component) {
  const std::lock_guard lock(mutex_);
  std::erase(closed_, component);
}

void Health::running() {
  const std::lock_guard lock(mutex_);
  running_ = true;
}

void Health::draining(std::string_view reason) {
  const std::lock_guard lock(mutex_);
  if (draining_) return;
  draining_ = true;
  drain_reason_ = reason;
}

void Health::failed(std::string_view message) {
  const std::lock_guard lock(mutex_);
  if (failed_) return;
  failed_ = true;
  failure_ = message;
}

Health::Answer Health::alive() const {
  const std::lock_guard lock(mutex_);
  Answer answer{!failed_, failed_ ? R"({"status":"failed")" : R"({"status":"ok")"};
  append_member(answer.json, "pipeline", pipeline_);
  if (failed_) append_member(answer.json, "message", failure_);
  answer.json += "}\n";
  return answer;
}

Health::Answer Health::ready() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> missing;
  for (const std::string& component : closed_) {
    missing.push_back("component " + component + " is not open");
  }
  if (!running_) missing.emplace_back("the graph does not run yet");
  if (draining_) missing.push_back("the pipeline is stopping: " + drain_reason_);
  if (failed_) missing.push_back("the pipeline has failed: " + failure_);
  Answer answer{missing.empty(),
                missing.empty() ? R"({"status":"ready")" : R"({"status":"not ready")"};
  append_member(answer.json, "pipeline", pipeline_);
  if (!missing.empty()) {
    answer.json += ",\"missing\":";
    char separator = '[';
    for (const std::string& entry : missing) {
      answer.json += separator;
      append_json_string(answer.json, entry);
      separator = ',';
    }
    answer.json += ']';
  }
  answer.json += "}\n";
  return answer;
}

}  // namespace flowrun
