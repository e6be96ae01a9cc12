#include "operators/sources/http_route.hpp"

#include <algorithm>
#include <utility>

#include "operators/common/http_pending.hpp"
#include "operators/common/json_writer.hpp"

namespace flow::operators {
namespace {

bool has(const HttpSource::Options& options, const char* column) {
  return std::find(options.columns.begin(), options.columns.end(), column) != options.columns.end();
}

}  // namespace

HttpSourceRoute::HttpSourceRoute(const HttpSource::Options& options,
                                 const HttpAuthorization& authorization, std::string partition,
                                 std::shared_ptr<HttpMemory> memory,
                                 std::shared_ptr<HttpInbox> inbox)
    : authorization_(authorization),
      partition_(std::move(partition)),
      memory_(std::move(memory)),
      inbox_(std::move(inbox)),
      acknowledge_(options.acknowledge),
      format_(options.format),
      headers_(options.headers),
      max_record_(static_cast<size_t>(options.max_record.bytes)),
      max_body_(options.max_body.bytes),
      timeout_(options.acknowledge == HttpSource::Acknowledge::kAccepted
                   ? options.accept_timeout.nanoseconds
                   : options.timeout.nanoseconds),
      accept_timeout_(options.accept_timeout.nanoseconds),
      keeps_remote_(has(options, "remote_address")),
      keeps_query_(has(options, "query")) {}

std::optional<HttpAnswer> HttpSourceRoute::handle(HttpRequest& request, const HttpReply& reply) {
  if (!is_open_) return HttpAnswer::later(503, "not taking requests now");
  if (now() - polled_ > accept_timeout_) {
    return HttpAnswer::later(429, "the pipeline takes nothing now");
  }
  HttpArrival arrival;
  if (format_ == HttpSource::Format::kJson) {
    HttpRecords records;
    records.find(request.body->data(), static_cast<size_t>(request.body->size()), max_record_);
    if (records.empty()) return HttpAnswer::error(400, "the body has no record");
    arrival.runs = records.runs();
    arrival.rejected = records.rejected();
    arrival.accepted = records.accepted();
    // A request that waits for its rows is good as a whole, or not.
    if (acknowledge_ == HttpSource::Acknowledge::kResponse && !arrival.rejected.empty()) {
      arrival.runs.clear();
      arrival.accepted = 0;
    }
  } else {
    arrival.runs = {{0, static_cast<size_t>(request.body->size()), 1}};
    arrival.accepted = 1;
  }
  arrival.reply = reply;
  arrival.body = std::move(*request.body);
  if (keeps_remote_) arrival.remote_address = request.remote_address;
  if (keeps_query_) arrival.query = request.query;
  for (const std::string& name : headers_) {
    const std::string_view value = request.field(name);
    arrival.headers.emplace_back(value);
    arrival.has_header.push_back(value.data() != nullptr);
  }
  const bool waits = acknowledge_ == HttpSource::Acknowledge::kResponse && arrival.accepted > 0;
  if (waits) HttpPending::instance().add(reply, arrival.accepted, partition_);
  if (!inbox_->add(std::move(arrival))) {
    if (waits) HttpPending::instance().remove(reply.ticket());
    return HttpAnswer::later(429, "more is waiting than the pipeline takes");
  }
  return std::nullopt;
}

HttpAnswer HttpSourceRoute::timed_out(uint64_t ticket) {
  HttpPending::instance().remove(ticket);
  if (inbox_->cancel(ticket)) return HttpAnswer::later(429, "the pipeline takes nothing now");
  return HttpAnswer::error(504, acknowledge_ == HttpSource::Acknowledge::kResponse
                                    ? "the pipeline gave no answer in time"
                                    : "the pipeline has the records, but not yet on disk");
}

HttpAnswer http_outcome(int status, int64_t accepted,
                        const std::vector<HttpRecords::Rejected>& rejected) {
  HttpAnswer answer;
  answer.status = rejected.empty() ? status : 400;
  answer.body = "{\"accepted\":" + std::to_string(accepted);
  if (!rejected.empty()) {
    answer.body += ",\"rejected\":" + std::to_string(rejected.size()) + ",\"errors\":[";
    for (const HttpRecords::Rejected& one : rejected) {
      answer.body += (&one == rejected.data() ? "{\"record\":" : ",{\"record\":") +
                     std::to_string(one.record) + ",\"line\":" + std::to_string(one.line) +
                     ",\"offset\":" + std::to_string(one.offset) +
                     ",\"message\":" + json_quoted(one.what) + "}";
    }
    answer.body += "]";
  }
  answer.body += "}\n";
  return answer;
}

}  // namespace flow::operators
