#include "tests/integration/watching.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace atrium {

double Observers(const TestServer& server) {
  return server.Metric(kGrpcObservers) + server.Metric(kSseObservers) + server.Metric(kLineObservers);
}

HttpReader::Options Events(const std::string& last_event_id) {
  HttpReader::Options options{.headers = {{"Accept", "text/event-stream"}}};
  if (!last_event_id.empty()) options.headers["Last-Event-ID"] = last_event_id;
  return options;
}

void EmitInto(const TestServer& server, const std::string& room, const std::string& event, const std::string& rest) {
  const HttpReply reply =
      server.Post(absl::StrCat("/api/rooms/", room, "/emit"), absl::StrCat(R"({"event":")", event, "\"", rest, "}"));
  EXPECT_EQ(reply.status, 200) << reply.body;
}

}  // namespace atrium
