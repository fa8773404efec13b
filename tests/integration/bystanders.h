#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/support/raw_websocket.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {

// A server where two members of the room `geral` chat, while a test does something bad to it. At the end of each test
// they must have noticed nothing: every event has come, in order, without a gap.
class BystandersTest : public testing::Test {
 protected:
  explicit BystandersTest(const TestServer::Flags& flags = {});

  void TearDown() override;

  // One says something, and the other hears it.
  void Chat(const std::string& data = "");
  // They chat until `condition` holds; false if it does not come true in time.
  template <typename Condition>
  bool ChatUntil(const Condition& condition) {
    return Eventually([&] {
      Chat();
      return condition();
    });
  }

  // A third member of `geral`, by JSON over a plain socket.
  RawWebSocket Offender(int receive_buffer = 0);

  // Whether the connection still answers requests.
  static bool Answers(RawWebSocket& socket);
  // The server says goodbye with `code`, closes with it, and ends the connection.
  static void ExpectCut(RawWebSocket& socket, int code);

  TestServer server_;
  TestClient ana_;
  TestClient bia_;

 private:
  uint64_t start_ = 0;
  uint64_t last_ = 0;
};

}  // namespace atrium
