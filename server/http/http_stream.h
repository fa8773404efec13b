#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/http/http_message.h"
#include "server/live/shards/io_shard.h"

namespace atrium {

// Returns what a reader of `kind` is answered whose stream has ended with `error` before its first frame.
HttpResponse RefusalOf(ReaderKind kind, const absl::Status& error);

// Sends what an observer gets as the body of one response: as server-sent events or as lines of JSON. It reads what the
// client sends meanwhile, to notice that it goes away, and throws that away. It runs on the shard of its socket.
class HttpStream final : private Observer::Transport {
 public:
  // `socket` must outlive it. After each `heartbeat` in which nothing else is sent, events have a comment
  // and lines an empty line: proxies cut connections on which nothing is sent.
  HttpStream(IoShard& shard, boost::asio::ip::tcp::socket& socket, absl::Duration heartbeat);
  ~HttpStream() override;
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;

  // Waits for the first frame. Returns the error that the stream ended with if it ended before one came.
  boost::asio::awaitable<absl::Status> WaitForFirst(StreamedBody& body);
  // Returns whether the client has gone, or the connection was closed.
  bool gone() const { return gone_; }

  // Sends `head` and all frames, in chunks if that is asked for. Returns false if the connection is of no more use.
  boost::asio::awaitable<bool> Send(std::string head, bool chunked);

  // Ends what is under way on the socket. It must be awaited before the object is destroyed.
  boost::asio::awaitable<void> Finish();

 private:
  void OnReady() override;

  // Reads until the client is gone or the stream ends.
  void WatchSocket();
  void Gone();
  bool TooSlow() const;
  bool AtEnd() const;
  // Waits until something happens, or until that time.
  boost::asio::awaitable<void> Sleep(std::chrono::steady_clock::time_point until);
  // Writes `bytes`, which it holds no longer than that takes. Returns false if it failed.
  boost::asio::awaitable<bool> Write(std::string bytes);
  // Takes the frames that wait, and returns them as they are on the wire; empty if none do.
  std::string TakeText();

  IoShard& shard_;
  boost::asio::ip::tcp::socket& socket_;
  const std::chrono::steady_clock::duration heartbeat_;
  // This is cancelled when something happens.
  boost::asio::steady_timer alarm_;
  ReaderKind kind_ = ReaderKind::kJsonLines;
  std::shared_ptr<Observer> observer_;
  bool ready_ = false;
  bool gone_ = false;
  bool finishing_ = false;
  bool watching_socket_ = false;
};

}  // namespace atrium
