#include "operators/sinks/webhook_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "flow/host.hpp"
#include "flow/utf8.hpp"

namespace flow::operators {
namespace {

constexpr size_t kKeptAnswer = 200;
constexpr int kMostWait = 50;  // milliseconds: how soon a stop is noticed
constexpr std::chrono::seconds kLongestPause{300};

size_t keep_answer(char* bytes, size_t, size_t n, void* to) {
  auto& answer = *static_cast<std::string*>(to);
  if (answer.size() < kKeptAnswer) answer.append(bytes, std::min(n, kKeptAnswer - answer.size()));
  return n;
}

// No right to send: somebody must change something, and then all rows can go.
bool is_refusal(long status) { return status == 401 || status == 403 || status == 407; }
bool is_passing(long status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}
bool is_distrust(int result) {
  return result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE ||
         result == CURLE_SSL_CERTPROBLEM || result == CURLE_SSL_ISSUER_ERROR;
}

std::string with_answer(long status, const std::string& answer) {
  std::string text = "it answers " + std::to_string(status);
  if (answer.empty()) return text;
  text.append(": '");
  append_repaired_utf8(answer, text);
  return text.append("'");
}

}  // namespace

// One connection's worth of a request under way.
struct WebhookClient::Line {
  Line() : easy(curl_easy_init()) {
    if (easy == nullptr) throw std::bad_alloc();
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() { curl_easy_cleanup(easy); }

  CURL* easy;
  Request request;
  std::string storage, answer;
  std::array<char, CURL_ERROR_SIZE> error{};
  bool busy = false;
};

struct WebhookClient::Library {
  Library() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    multi = curl_multi_init();
    if (multi == nullptr) throw std::bad_alloc();
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() {
    curl_slist_free_all(headers);
    curl_multi_cleanup(multi);
  }
  CURLM* multi = nullptr;
  curl_slist* headers = nullptr;
};

std::string shown_url(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    std::string result;
    if (curl_url_get(parsed.get(), which, &text, 0) == CURLUE_OK && text != nullptr) result = text;
    curl_free(text);
    return result;
  };
  const std::string scheme = part(CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return {};
  const std::string port = part(CURLUPART_PORT);
  std::string shown = scheme;
  shown.append("://").append(part(CURLUPART_HOST));
  if (!port.empty()) shown.append(":").append(port);
  return shown;
}

WebhookClient::WebhookClient(WebhookSettings settings)
    : settings_(std::move(settings)),
      library_(std::make_unique<Library>()),
      random_(std::random_device{}()) {
  for (const std::string& header : settings_.headers) {
    library_->headers = curl_slist_append(library_->headers, header.c_str());
  }
  for (size_t i = 0; i < settings_.concurrency; ++i) {
    lines_.push_back(std::make_unique<Line>());
    Line& line = *lines_.back();
    CURL* const easy = line.easy;
    curl_easy_setopt(easy, CURLOPT_URL, settings_.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, settings_.method.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, library_->headers);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(settings_.timeout_ms));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings_.timeout_ms));
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!settings_.ca_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_CAINFO, settings_.ca_file.c_str());
    }
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &line.answer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, line.error.data());
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &line);
  }
}

WebhookClient::~WebhookClient() { abandon(); }

void WebhookClient::abandon() {
  for (const auto& line : lines_) {
    if (line->busy) curl_multi_remove_handle(library_->multi, line->easy);
    line->busy = false;
  }
  waiting_.clear();
}

void WebhookClient::start(Line& line, const Request& request, const Calls& calls) {
  line.request = request;
  ++line.request.attempts;
  line.answer.clear();
  line.error[0] = '\0';
  const std::string_view body = calls.body(request.number, line.storage);
  curl_easy_setopt(line.easy, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(line.easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  line.busy = true;
  ++requests_;
  curl_multi_add_handle(library_->multi, line.easy);
}

// Between half and all of it, so that many senders do not come back at once.
WebhookClient::Clock::duration WebhookClient::pause(int attempts) {
  std::chrono::nanoseconds longest = settings_.backoff;
  for (int i = 1; i < attempts && longest < settings_.max_backoff; ++i) longest *= 2;
  longest = std::min(longest, settings_.max_backoff);
  const double share = std::uniform_real_distribution<double>(0.5, 1.0)(random_);
  return std::chrono::nanoseconds(
      static_cast<int64_t>(static_cast<double>(longest.count()) * share));
}

void WebhookClient::retry(const Request& request, const std::string& reason,
                          const std::string& what, std::chrono::seconds asked, const Calls& calls) {
  if (request.attempts >= settings_.max_attempts) {
    std::string message = "webhook: " + settings_.shown_url;
    message.append(": ").append(what).append("; gave up after ");
    message.append(std::to_string(request.attempts)).append(" attempts");
    calls.done(request.number, {Verdict::kGaveUp, reason, message});
    return;
  }
  ++retries_;
  const Clock::time_point now = Clock::now();
  Request again = request;
  again.due = now + pause(request.attempts);
  if (asked.count() > 0) {
    not_before_ = std::max(not_before_, now + std::min(asked, kLongestPause));
    again.due = std::max(again.due, not_before_);
  }
  waiting_.push_back(again);
}

void WebhookClient::finish(Line& line, int result, const Calls& calls) {
  line.busy = false;
  const Request& request = line.request;
  if (result == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(line.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) {
      calls.done(request.number, {Verdict::kDelivered, "", ""});
    } else if (is_refusal(status)) {
      refusal_ = with_answer(status, line.answer) + "; check `secret` and `headers`";
    } else if (is_passing(status)) {
      curl_off_t asked = 0;
      curl_easy_getinfo(line.easy, CURLINFO_RETRY_AFTER, &asked);
      retry(request, status == 429 ? "too_many_requests" : "server_error",
            with_answer(status, line.answer), std::chrono::seconds(asked), calls);
    } else {
      calls.done(request.number,
                 {Verdict::kRejected, "rejected",
                  "webhook: " + settings_.shown_url + ": " + with_answer(status, line.answer)});
    }
    return;
  }
  const char* const words =
      line.error[0] != '\0' ? line.error.data() : curl_easy_strerror(static_cast<CURLcode>(result));
  if (is_distrust(result)) {
    refusal_ = std::string("its certificate is not trusted (") + words + "); check `ca_file`";
    return;
  }
  retry(request, result == CURLE_OPERATION_TIMEDOUT ? "timeout" : "unreachable", words,
        std::chrono::seconds(0), calls);
}

void WebhookClient::send(const std::vector<int64_t>& numbers, const Calls& calls) {
  size_t next = 0;
  refusal_.clear();
  waiting_.clear();
  const auto busy = [this] {
    return std::any_of(lines_.begin(), lines_.end(), [](const auto& line) { return line->busy; });
  };
  while (true) {
    if (calls.stopping()) {
      abandon();
      throw Failure("webhook: stopped before " + settings_.shown_url + " had taken all rows");
    }
    const Clock::time_point now = Clock::now();
    Clock::time_point wake = now + std::chrono::milliseconds(kMostWait);
    const bool may_start = refusal_.empty() && now >= not_before_;
    // With one connection rows keep their order: those behind one that must be repeated wait.
    const bool in_order = lines_.size() == 1;
    for (const auto& line : lines_) {
      if (!may_start || line->busy) continue;
      const auto due =
          std::min_element(waiting_.begin(), waiting_.end(),
                           [](const Request& a, const Request& b) { return a.due < b.due; });
      if (due != waiting_.end() && due->due <= now) {
        const Request request = *due;
        waiting_.erase(due);
        start(*line, request, calls);
      } else if (next < numbers.size() && (!in_order || waiting_.empty())) {
        start(*line, Request{numbers[next++], 0, now}, calls);
      } else if (due != waiting_.end()) {
        wake = std::min(wake, due->due);
      }
    }
    if (!busy() && !refusal_.empty()) {
      waiting_.clear();
      throw Retry("webhook: " + settings_.shown_url + ": " + refusal_);
    }
    if (!busy() && waiting_.empty() && next == numbers.size()) return;

    int running = 0;
    curl_multi_perform(library_->multi, &running);
    int left = 0;
    bool any = false;
    while (const CURLMsg* told = curl_multi_info_read(library_->multi, &left)) {
      if (told->msg != CURLMSG_DONE) continue;
      CURL* const easy = told->easy_handle;
      const int result = told->data.result;
      char* line = nullptr;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &line);
      curl_multi_remove_handle(library_->multi, easy);
      finish(*reinterpret_cast<Line*>(line), result, calls);
      any = true;
    }
    if (any) continue;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(wake - now).count();
    curl_multi_poll(library_->multi, nullptr, 0,
                    static_cast<int>(std::clamp<int64_t>(wait, 1, kMostWait)), nullptr);
  }
}

}  // namespace flow::operators
