#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/support/eventually.h"
#include "tests/support/http_client.h"

namespace atrium {

class RoomRegistry;
class Server;

// A whole atrium::Server in this process, with the rooms of the build, on free ports and two shards.
class TestServer {
 public:
  using Flags = std::vector<std::string>;
  using AddRooms = std::function<absl::Status(RoomRegistry&)>;

  // `flags` are those of the command line, such as "--shards=1"; without a file of credentials among them it serves
  // with
  // --dev. Fails the test if the server does not start.
  explicit TestServer(const Flags& flags = {}, const AddRooms& more_rooms = nullptr);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  uint16_t grpc_port() const;
  uint16_t http_port() const;
  uint16_t admin_port() const;

  // As SIGHUP does.
  void Reload();
  void Drain();

  HttpReply Get(const std::string& path) const { return Call("GET", path); }
  // From the admin port, which has /metrics and the probes.
  HttpReply GetFromAdmin(const std::string& path) const;
  HttpReply Post(const std::string& path, const std::string& json) const { return Call("POST", path, json); }
  HttpReply Call(const std::string& method, const std::string& path, const std::string& body = "") const;

  // The value of a line of /metrics, such as "atrium_closes_total{code=\"1002\"}"; -1 if there is none.
  double Metric(const std::string& line) const;
  // Waits until it is `value` or more.
  bool MetricReaches(const std::string& line, double value, absl::Duration patience = kPatience) const;

 private:
  std::unique_ptr<Server> server_;
};

}  // namespace atrium
