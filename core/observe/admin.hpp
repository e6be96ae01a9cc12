// The one HTTP listener of a running pipeline: metrics and health, for scrapers and orchestrators.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace flowrun {

class Health;
class MetricsRegistry;

inline constexpr std::string_view kDefaultAdminAddress = "127.0.0.1:9464";

struct AdminResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Answers of GET and HEAD by path; called by the listener's threads, two at once.
using AdminRoutes = std::map<std::string, std::function<AdminResponse()>, std::less<>>;

// /metrics, /healthz and /readyz. Both arguments must outlive the listener.
AdminRoutes standard_routes(MetricsRegistry& metrics, const Health& health);

// Serves `routes` from construction to destruction, on two threads that take no signals. Other
// paths get 404 and the list of paths, other methods 405. There is no access control: whoever
// reaches the address may read. The library behind it makes the process ignore SIGPIPE.
class AdminListener {
 public:
  // `address` is host:port or [IPv6]:port; port 0 takes any free one. Throws std::runtime_error
  // with the remedy when the address makes no sense or is taken.
  AdminListener(std::string_view address, AdminRoutes routes);
  // Takes 10 ms; up to two seconds where a client is connected and silent.
  ~AdminListener();
  AdminListener(const AdminListener&) = delete;
  AdminListener& operator=(const AdminListener&) = delete;

  int port() const noexcept;                    // the one really bound
  const std::string& address() const noexcept;  // host:port, the same

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace flowrun
