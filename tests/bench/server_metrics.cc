#include "tests/bench/server_metrics.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/check.h"

namespace atrium::bench {
namespace {

std::string Get(uint16_t port, absl::string_view path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CheckSystem(fd >= 0, "socket");
  sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CheckSystem(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0, "connect");
  const std::string request = absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  CheckSystem(send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()), "send");
  std::string response;
  char buffer[16 * 1024];
  for (ssize_t count = 0; (count = recv(fd, buffer, sizeof(buffer), 0)) > 0;) response.append(buffer, count);
  close(fd);
  return response;
}

}  // namespace

double MetricOf(const ChildProcess& server, absl::string_view name) {
  // Before there was an admin port, HTTP had the metrics.
  const std::string text = Get(server.HasPort("admin") ? server.Port("admin") : server.Port("http"), "/metrics");
  const std::string before = absl::StrCat("\n", name, " ");
  const size_t at = text.find(before);
  double value = 0;
  if (at == text.npos) Fail(absl::StrCat("no metric ", name));
  const size_t from = at + before.size();
  Check(absl::SimpleAtod(text.substr(from, text.find('\n', from) - from), &value), "a metric is no number");
  return value;
}

}  // namespace atrium::bench
