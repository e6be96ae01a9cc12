#include "operators/sinks/webhook.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "operators/common/input_column.hpp"
#include "operators/common/json_writer.hpp"

namespace flow::operators {
namespace {

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

bool is_header_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string header(const std::string& option, const std::string& name, const std::string& value) {
  const std::string item = option == "headers" ? name : std::string();
  if (!is_header_name(name)) {
    throw OptionFailure(option, "'" + name + "' is no name of a header", {}, -1, item);
  }
  if (has_control(value)) {
    throw OptionFailure(option, "a header's value has no line breaks", {}, -1, item);
  }
  return name + ": " + value;
}

bool is_local(const std::string& shown) {
  return shown.rfind("http://127.", 0) == 0 || shown.rfind("http://localhost", 0) == 0 ||
         shown.rfind("http://[::1]", 0) == 0;
}

FieldTemplate parse_body(const std::string& text) {
  try {
    return FieldTemplate::parse(text, "webhook: body");
  } catch (const Failure& failure) {
    throw OptionFailure("body", failure.what());
  }
}

int64_t milliseconds(Duration duration) {
  return std::max<int64_t>(1, duration.nanoseconds / 1'000'000);
}

}  // namespace

WebhookSink::Shared::Shared(const Options& options, Host) {
  if (options.body) body = parse_body(*options.body);
  settings.url = options.url.value;
  settings.shown_url = shown_url(options.url.value);
  if (settings.shown_url.empty() || has_control(settings.url)) {
    throw OptionFailure("url", "this is no http or https URL", "write https://host/path");
  }
  constexpr std::array<const char*, 3> kMethods = {"POST", "PUT", "PATCH"};
  settings.method = kMethods[static_cast<size_t>(options.method)];
  settings.headers.push_back(header("content_type", "Content-Type", options.content_type));
  settings.headers.emplace_back("User-Agent: flowrun");
  settings.headers.emplace_back("Expect:");  // no pause before the body
  for (const ValueItem& item : options.headers.items) {
    if (item.second.type != FLOW_OPTION_TEXT) {
      throw OptionFailure("headers", "a header's value is a text", {}, -1, item.first);
    }
    settings.headers.push_back(header("headers", item.first, item.second.text));
  }
  if (options.secret && !options.secret->value.empty()) {
    const bool bearer = options.secret_header == "Authorization";
    if (has_control(options.secret->value)) {
      throw OptionFailure("secret", "has a line break or control character in it");
    }
    settings.headers.push_back(header("secret_header", options.secret_header,
                                      (bearer ? "Bearer " : "") + options.secret->value));
  }
  if (options.ca_file) {
    if (::access(options.ca_file->c_str(), R_OK) != 0) {
      throw OptionFailure("ca_file", "cannot read '" + *options.ca_file + "'");
    }
    settings.ca_file = *options.ca_file;
  }
  settings.timeout_ms = milliseconds(options.timeout);
  settings.concurrency = static_cast<size_t>(options.concurrency);
  settings.max_attempts = static_cast<int>(options.max_attempts);
  settings.backoff = std::chrono::nanoseconds(options.backoff.nanoseconds);
  settings.max_backoff = std::chrono::nanoseconds(
      std::max(options.max_backoff.nanoseconds, options.backoff.nanoseconds));
}

void WebhookSink::describe(Description<Options>& d) {
  d.name("webhook");
  d.summary("Sends each row as an HTTP request.");
  d.doc(
      R"(The body of a request is what the codec named by `encoding` makes of the row (JSON, if nothing is said),
or `body`, a template with values of the row's fields.

An answer of 200 to 299 means that the row is delivered. 408, 425, 429, 500 and above, a connection that fails
and a receiver that does not answer within `timeout` are tried again, after pauses that begin with `backoff`
and double up to `max_backoff`, each between half and all of that at random. Where the answer says
`Retry-After`, no request at all is sent before then (5 minutes at most). After `max_attempts` the row goes to
`errors`, and so to the dead letters, as `timeout`, `unreachable`, `too_many_requests` or `server_error`. Other
answers (redirects too, which are not followed) are final: the row goes there at once as `rejected`, with the
beginning of the answer in the message.

401, 403, 407 and a certificate that is not trusted say nothing about the row: an alarm is raised and all rows
are tried again until it is put right. Certificates are always verified.

At most `concurrency` requests are under way, so that rows may arrive in another order; with 1 they keep it.
While a receiver is slow or away the pipeline waits within its memory limit, for at most `max_attempts` times
`timeout` and pauses a row.

Each row is delivered at least once: after a restart rows since the last checkpoint are sent again. Send something
that tells them apart, such as the `incident` and `state` of an alert.

The URL, `secret` and headers are never logged; messages name the scheme and host. A proxy is taken from the
usual environment variables (https_proxy, no_proxy).)");
  d.example(R"(type = "webhook"
inputs = ["alerts"]
url = "https://hooks.example.com/services/alerts"
body = '{{"text": "{severity}: {device} {state}, {reason}"}}'
)");
  d.traits(FLOW_MESSAGES | FLOW_SERIAL | FLOW_BLOCKING);
  d.output("errors", "Rows that the receiver rejects, or did not take in the last attempt.");
  d.option("url", &Options::url,
           "Where to send to: http or https. Kept as a secret, as many receivers have their key in "
           "it: { env = \"NAME\" } and { file = \"path\" } keep it out of the file.")
      .required();
  d.choice("method", &Options::method,
           {{"POST", Method::kPost}, {"PUT", Method::kPut}, {"PATCH", Method::kPatch}},
           "The method of the requests.");
  d.option("body", &Options::body,
           "The body in place of the encoded row: `{reason}` stands for the value of that field, "
           "escaped as inside a JSON string, so put it into quotes; `{when:%H:%M}` for a timestamp "
           "as its form says; `{{` and `}}` for a brace. A null is empty.");
  d.option("content_type", &Options::content_type, "The header Content-Type.");
  d.option("headers", &Options::headers, "Further headers: names and values.");
  d.option("secret", &Options::secret,
           "A token that is sent with each request, in `secret_header`. Never logged.");
  d.option("secret_header", &Options::secret_header,
           "The header for `secret`. Authorization sends it as `Bearer <secret>`, any other as it "
           "is.");
  d.option("ca_file", &Options::ca_file,
           "A PEM file of certificate authorities to trust in the place of the system's.");
  d.option("timeout", &Options::timeout,
           "How long one attempt may take, from connecting to the end of the answer.")
      .range(1e6, 3.6e12);
  d.option("concurrency", &Options::concurrency,
           "How many requests are under way at most, each on a connection of its own. A receiver "
           "that answers in 100 ms takes ten times this a second.")
      .range(1, 256);
  d.option("max_attempts", &Options::max_attempts,
           "How often a row is sent at most, the first time included.")
      .range(1, 1'000'000);
  d.option("backoff", &Options::backoff, "The pause before the second attempt.").range(1e6, 3.6e12);
  d.option("max_backoff", &Options::max_backoff, "The longest pause before an attempt.")
      .range(1e6, 8.64e13);
}

std::vector<std::string> WebhookSink::kept_fields(const Options& options) {
  return options.body ? parse_body(*options.body).fields() : std::vector<std::string>{};
}

void WebhookSink::infer(const Options& options, Shared& shared, Inference& inference) {
  if (options.secret && !options.secret->value.empty() &&
      shared.settings.url.rfind("http:", 0) == 0 && !is_local(shared.settings.shown_url)) {
    inference.warn(
        OptionFailure("secret", "is sent over a connection that anybody can read", "use https"));
  }
}

WebhookSink::WebhookSink(const Options& options, Shared& shared)
    : fields_(kept_fields(options)), client_(shared.settings) {
  if (!shared.body) return;
  for (const FieldTemplate::Part& part : shared.body->parts()) {
    Part made{part.is_field ? "" : part.text, 0, part.is_field,
              FieldText(part.time, part.sub_second)};
    if (part.is_field) {
      made.field = static_cast<size_t>(std::find(fields_.begin(), fields_.end(), part.text) -
                                       fields_.begin());
    }
    parts_.push_back(std::move(made));
  }
}

void WebhookSink::open(Output& out) {
  requests_ = out.counter("webhook_requests", "Requests that were sent, attempts included.");
  retries_ = out.counter("webhook_retries", "Attempts that failed and were followed by another.");
}

void WebhookSink::bind(const Batch& in, Host host) {
  for (Part& part : parts_) {
    if (!part.is_field) continue;
    const flow_column* column = in.find(FLOW_KEPT_PREFIX + fields_[part.field]);
    if (column == nullptr) column = in.find(fields_[part.field]);
    if (column == nullptr) throw_missing_column(in.schema(), "webhook: body", fields_[part.field]);
    if (!part.text.bind(*column, host)) {
      throw Failure("webhook: body: the field '" + fields_[part.field] + "' is a " +
                    std::string(type_name(column->type)) + "; name a field inside it with a dot");
    }
  }
}

std::string_view WebhookSink::body(const TextView& encoded, int64_t row, std::string& storage) {
  if (parts_.empty()) return encoded[row];
  storage.clear();
  for (Part& part : parts_) {
    if (!part.is_field) {
      storage.append(part.literal);
      continue;
    }
    value_.clear();
    if (!part.text.append(row, value_)) continue;
    const std::string quoted = json_quoted(value_);
    storage.append(quoted, 1, quoted.size() - 2);
  }
  return storage;
}

void WebhookSink::process(const Batch& in, Output& out) {
  if (in.column_count() == 0 || !AnyTextView::accepts(in.column(0).type) ||
      in.column(0).type == FLOW_CATEGORY) {
    throw Failure("webhook: column 0 must hold the encoded rows");
  }
  const TextView encoded(in.column(0));
  bind(in, out);
  // After a Retry the same rows come again.
  if (!again_ || done_.size() != static_cast<size_t>(in.rows())) {
    done_.assign(static_cast<size_t>(in.rows()), false);
  }
  again_ = true;
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < in.rows(); ++row) {
    if (!done_[static_cast<size_t>(row)]) rows.push_back(row);
  }
  const int64_t requests = client_.requests();
  const int64_t retries = client_.retries();
  const auto count = [&] {
    requests_.record(static_cast<double>(client_.requests() - requests));
    retries_.record(static_cast<double>(client_.retries() - retries));
  };
  const WebhookClient::Calls calls{
      .body = [&](int64_t row, std::string& storage) { return body(encoded, row, storage); },
      .done =
          [&](int64_t row, const WebhookClient::Outcome& outcome) {
            done_[static_cast<size_t>(row)] = true;
            if (outcome.verdict == WebhookClient::Verdict::kDelivered) return;
            out.fail(in, row, outcome.reason.c_str(), outcome.message,
                     outcome.verdict == WebhookClient::Verdict::kGaveUp);
          },
      .stopping = [&] { return out.stopping(); }};
  try {
    client_.send(rows, calls);
  } catch (const Retry&) {
    count();
    throw;
  }
  count();
  again_ = false;
}

}  // namespace flow::operators
