#include "server/websocket/websocket_door.h"

#include <utility>

#include "server/websocket/websocket_connection.h"

namespace atrium {
namespace {

constexpr size_t kSpareParsers = 16;

}  // namespace

void WebSocketDoor::Accept(Socket socket, Encoding encoding, std::string token, absl::string_view leftover) {
  auto connection = std::make_shared<WebSocketConnection>(hub_, *this, encoding, std::move(socket));
  connection->Present(std::move(token));
  hub_.Add(connection);
  connection->Start(leftover);
}

std::unique_ptr<FrameParser> WebSocketDoor::TakeParser() {
  if (parsers_.empty()) return std::make_unique<FrameParser>(hub_.settings().max_message_bytes);
  std::unique_ptr<FrameParser> parser = std::move(parsers_.back());
  parsers_.pop_back();
  return parser;
}

void WebSocketDoor::GiveBack(std::unique_ptr<FrameParser> parser) {
  if (parsers_.size() < kSpareParsers) parsers_.push_back(std::move(parser));
}

}  // namespace atrium
