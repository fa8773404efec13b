#include "server/http/http_session.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/verb.hpp>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

#include "absl/time/time.h"
#include "server/common/errors.h"
#include "server/http/arrival.h"
#include "server/http/content_coding.h"
#include "server/http/http_head.h"
#include "server/http/http_stream.h"
#include "server/http/parsed_request.h"
#include "server/http/request_framing.h"
#include "server/http/socket_deadline.h"
#include "server/http/websocket_handshake.h"

namespace atrium {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

using asio::ip::tcp;
using boost::beast::error_code;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);

// When we end a connection, what the client still sends is read for so long, or the kernel would drop our answer.
constexpr absl::Duration kDrain = absl::Seconds(2);

constexpr size_t kReadBytes = 4096;
// So much may be read and not parsed yet. It is more than a header may have, and bounds the extensions of a chunk and
// the trailers.
constexpr size_t kMaxUnparsed = 72 * 1024;
// One write of more than this brings nothing more, and others wait for it.
constexpr size_t kWriteBytes = 256 * 1024;

// Returns a socket of Asio's, which is closed if Asio has no room for it.
tcp::socket ToAsio(asio::io_context& io, Socket socket) {
  tcp::socket watched(io);
  error_code error;
  watched.assign(socket.peer().protocol(), socket.descriptor(), error);
  if (!error) socket.Release();
  return watched;
}

// Returns the socket without Asio, with its place; it is closed if its client has gone.
Socket FromAsio(tcp::socket socket, Socket::Place place) {
  error_code error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  const int descriptor = error ? -1 : socket.release(error);
  Socket plain(error ? -1 : descriptor, peer);
  plain.set_place(std::move(place));
  return plain;
}

}  // namespace

class HttpSession {
 public:
  HttpSession(Socket socket, std::shared_ptr<HttpShard> http, absl::string_view read)
      : http_(std::move(http)),
        place_(socket.TakePlace()),
        socket_(ToAsio(http_->shard.io(), std::move(socket))),
        deadline_(http_->shard, socket_) {
    buffer_.commit(asio::buffer_copy(buffer_.prepare(read.size()), asio::buffer(read.data(), read.size())));
    http_->gate->open.fetch_add(1, std::memory_order_relaxed);
    Enter();
  }
  ~HttpSession() {
    if (inside_) Leave();
    http_->gate->open.fetch_sub(1, std::memory_order_relaxed);
  }

  asio::awaitable<void> Run() {
    for (bool first = true;; first = false) {
      error_code ignored;
      const bool pipelined = !first && (buffer_.size() > 0 || socket_.available(ignored) > 0);
      if (!co_await WaitForRequest()) co_return;
      const After after = co_await Serve(pipelined);
      if (after == After::kGone) co_return;
      if (after == After::kEnd) break;
    }
    co_await Drain();
  }

  void Close() {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  // What becomes of the connection after a request.
  enum class After {
    kNext,  // the next request
    kEnd,   // we end it
    kGone,  // nothing: it is no longer ours, or broken
  };

  const HttpLimits& limits() const { return http_->limits; }

  void Enter() {
    inside_ = true;
    http_->sessions.insert(this);
  }

  void Leave() {
    inside_ = false;
    http_->sessions.erase(this);
    if (http_->closed && http_->sessions.empty()) std::exchange(http_->on_closed, nullptr)();
  }

  void CountTimeout() { http_->counters.timeouts.Add(1); }

  // Returns what was read and is not parsed yet.
  absl::string_view Unparsed() const { return {static_cast<const char*>(buffer_.data().data()), buffer_.size()}; }

  // Drops the empty lines before a request. Returns whether something of it is there.
  bool RequestBegins() {
    const size_t skipped = EmptyLines(Unparsed());
    const absl::string_view rest = Unparsed().substr(skipped);
    if (rest.empty() || rest == "\r") return false;
    buffer_.consume(skipped);
    return true;
  }

  // Returns false when the client ended the connection or was silent for too long. It holds no buffer meanwhile, or one
  // for a few empty lines.
  asio::awaitable<bool> WaitForRequest() {
    if (RequestBegins()) co_return true;
    deadline_.Set(limits().idle_timeout);
    error_code error;
    do {
      buffer_.shrink_to_fit();
      size_t size = 0;
      std::tie(error) = co_await socket_.async_wait(tcp::socket::wait_read, kToken);
      if (!error) std::tie(error, size) = co_await socket_.async_read_some(buffer_.prepare(kReadBytes), kToken);
      buffer_.commit(size);
    } while (!error && !deadline_.expired() && !RequestBegins());
    deadline_.Clear();
    if (deadline_.expired()) CountTimeout();
    co_return !error && !deadline_.expired();
  }

  asio::awaitable<void> UntilIdle() {
    return asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [&shard = http_->shard](auto handler) {
          shard.WhenIdle([handler = std::move(handler)]() mutable { std::move(handler)(); });
        },
        asio::use_awaitable);
  }

  // Serves one request, from its first byte to the last of its response. A `pipelined` one was there before the
  // response to the one before it was sent.
  asio::awaitable<After> Serve(bool pipelined) {
    RequestParser parser;
    parser.body_limit(limits().max_body_bytes > 0 ? boost::optional<uint64_t>(limits().max_body_bytes) : boost::none);
    deadline_.Set(limits().request_timeout);
    if (!co_await ReadHead(parser)) co_return co_await RefuseUnread(parser);
    const bool has_body = !parser.is_done();
    if (IsWebSocketTarget(parser.get(), http_->service.handlers())) co_return co_await Upgrade(parser.get(), has_body);
    HttpRequest request = ToHttpRequest(parser.get());
    // A trailer has no say in it either.
    const bool keep_alive = parser.keep_alive();
    if (has_body && !co_await ReadBody(parser)) co_return co_await RefuseUnread(parser);
    deadline_.Clear();
    // Who sends without waiting for responses comes after those who wait for theirs.
    if (pipelined || buffer_.size() > 0) co_await UntilIdle();
    if (http_->closed) co_return After::kGone;

    request.body = std::move(parser.get().body());
    const bool head_only = IsHead(parser);
    HttpResponse response = co_await Answer(std::move(request));
    if (http_->closed) co_return After::kGone;
    if (response.stream != nullptr) {
      const bool sent = co_await Stream(response, head_only, parser.get().version());
      co_return sent ? After::kEnd : After::kGone;
    }
    const bool last = !keep_alive || http_->gate->draining.load(std::memory_order_relaxed);
    if (!co_await Write(response, head_only, !last)) co_return After::kGone;
    co_return last ? After::kEnd : After::kNext;
  }

  // Returns false if there is no request that could be served; `refusal_` then has the response, if there is one.
  asio::awaitable<bool> ReadHead(RequestParser& parser) {
    size_t parsed = 0;
    error_code error;
    for (;;) {
      parsed += parser.put(asio::const_buffer(buffer_.data()) + parsed, error);
      if (parser.is_header_done() || error != http::error::need_more) break;
      size_t size = 0;
      std::tie(error, size) = co_await socket_.async_read_some(buffer_.prepare(kReadBytes), kToken);
      if (error == asio::error::eof && parser.got_some()) error = http::error::partial_message;
      if (error) break;
      buffer_.commit(size);
    }
    if (error) {
      refusal_ = ReadErrorResponse(error, Unparsed(), limits().max_body_bytes);
      co_return false;
    }
    absl::Status verdict = CheckFraming(Unparsed().substr(0, parsed), parser.get());
    if (verdict.ok()) verdict = CheckNames(parser.get(), http_->service.handlers());
    if (!verdict.ok()) {
      refusal_ = ErrorResponse(verdict);
      co_return false;
    }
    buffer_.consume(parsed);
    co_return true;
  }

  // Does the same for the rest of the request.
  asio::awaitable<bool> ReadBody(RequestParser& parser) {
    error_code error;
    size_t size = 0;
    // HTTP/1.0 has no interim responses, and its clients would take one for the answer (RFC 9110 section 10.1.1).
    if (parser.get().version() >= 11 && boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      const std::string interim = StatusLine(100) + "\r\n";
      std::tie(error, size) = co_await asio::async_write(socket_, asio::buffer(interim), kToken);
    }
    if (!error) std::tie(error, size) = co_await http::async_read(socket_, buffer_, parser, kToken);
    if (error) refusal_ = ReadErrorResponse(error, Unparsed(), limits().max_body_bytes);
    co_return !error;
  }

  // Returns false also while the method is not read yet, or if it is none.
  static bool IsHead(const RequestParser& parser) { return parser.get().method() == http::verb::head; }

  // Answers a request that was not read to its end, so that nothing behind it can be read either.
  asio::awaitable<After> RefuseUnread(const RequestParser& parser) {
    deadline_.Clear();
    if (deadline_.expired()) {
      CountTimeout();
      refusal_ = ErrorResponse(
          408, MakeError(absl::StatusCode::kDeadlineExceeded, "REQUEST_TIMEOUT", "the request did not arrive in time"));
    }
    if (!refusal_ || http_->closed) co_return After::kGone;
    co_return co_await Refuse(*refusal_, IsHead(parser));
  }

  // Sends the last response of the connection, without its body if `head_only` (RFC 9110 section 9.3.2).
  asio::awaitable<After> Refuse(const HttpResponse& response, bool head_only) {
    const bool sent = co_await Write(response, head_only, /*keep_alive=*/false);
    co_return sent ? After::kEnd : After::kGone;
  }

  asio::awaitable<HttpResponse> Answer(HttpRequest request) {
    if (std::optional<HttpResponse> refusal = DecodeContent(request, limits().max_body_bytes)) {
      co_return *std::move(refusal);
    }
    Leave();
    HttpResponse response = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(HttpResponse)>(
        [this, &request](auto handler) {
          http_->service.Handle(request,
                                [&shard = http_->shard, handler = std::move(handler)](HttpResponse response) mutable {
                                  shard.Post([handler = std::move(handler), response = std::move(response)]() mutable {
                                    std::move(handler)(std::move(response));
                                  });
                                });
        },
        asio::use_awaitable);
    if (!http_->closed) Enter();
    co_return response;
  }

  asio::awaitable<bool> Write(const HttpResponse& response, bool head_only, bool keep_alive) {
    const std::string head =
        ResponseHead(response, keep_alive ? HttpBody::kKeepAlive : HttpBody::kLast, limits().idle_timeout);
    const std::array<asio::const_buffer, 2> parts = {asio::buffer(head),
                                                     head_only ? asio::const_buffer() : asio::buffer(response.body)};
    http_->counters.responses[response.status / 100].Add(1);
    const auto next_bytes = [this, all = asio::buffer_size(parts)](error_code error, size_t sent) -> size_t {
      if (error || sent == all) return 0;
      deadline_.SetForWriting(limits().request_timeout);
      return kWriteBytes;
    };
    const auto [error, size] = co_await asio::async_write(socket_, parts, next_bytes, kToken);
    deadline_.Clear();
    if (error && deadline_.expired()) CountTimeout();
    co_return !error;
  }

  // Sends a stream, which is the last response of its connection, and returns whether all of it was sent.
  asio::awaitable<bool> Stream(HttpResponse& response, bool head_only, unsigned version) {
    const HttpBody framing = version < 11 ? HttpBody::kUntilClose : HttpBody::kChunked;
    if (head_only) {
      http_->counters.responses[2].Add(1);
      const std::string head = ResponseHead(response, framing, limits().idle_timeout);
      const auto [error, size] = co_await asio::async_write(socket_, asio::buffer(head), kToken);
      co_return !error;
    }
    buffer_.clear();
    buffer_.shrink_to_fit();
    HttpStream stream(http_->shard, socket_, limits().stream_heartbeat);
    const absl::Status begun = co_await stream.WaitForFirst(*response.stream);
    if (http_->closed || stream.gone()) {
      co_await stream.Finish();
      co_return false;
    }
    if (!begun.ok()) {
      co_await stream.Finish();
      co_return co_await Write(RefusalOf(response.stream->kind, begun), /*head_only=*/false, /*keep_alive=*/false);
    }
    http_->counters.responses[2].Add(1);
    const bool sent =
        co_await stream.Send(ResponseHead(response, framing, limits().idle_timeout), framing == HttpBody::kChunked);
    co_await stream.Finish();
    co_return sent;
  }

  asio::awaitable<After> Upgrade(const RequestHeader& header, bool has_body) {
    auto answer = AnswerUpgrade(header, has_body, http_->service.handlers());
    if (const auto* const refusal = std::get_if<HttpResponse>(&answer)) {
      co_return co_await Refuse(*refusal, /*head_only=*/false);
    }
    const WebSocketAnswer& accepted = std::get<WebSocketAnswer>(answer);
    const std::string head = AcceptanceOf(accepted);
    deadline_.Set(limits().request_timeout);
    const auto [error, size] = co_await asio::async_write(socket_, asio::buffer(head), kToken);
    deadline_.Clear();
    if (error) co_return After::kGone;
    http_->HandOver(FromAsio(std::move(socket_), std::move(place_)), accepted,
                    boost::beast::buffers_to_string(buffer_.data()));
    co_return After::kGone;
  }

  // Ends our side, then reads until the client ends its own.
  asio::awaitable<void> Drain() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    buffer_.clear();
    deadline_.Set(kDrain);
    for (;;) {
      const auto [error, size] = co_await socket_.async_read_some(buffer_.prepare(4096), kToken);
      if (error || deadline_.expired()) co_return;
    }
  }

  const std::shared_ptr<HttpShard> http_;
  Socket::Place place_;
  tcp::socket socket_;
  SocketDeadline deadline_;
  boost::beast::flat_buffer buffer_{kMaxUnparsed};
  // The request that is being read is refused with this.
  std::optional<HttpResponse> refusal_;
  // Whether it is in the set of sessions.
  bool inside_ = false;
};

void HttpShard::HandOver(Socket socket, const WebSocketAnswer& accepted, std::string leftover) {
  counters.responses[1].Add(1);
  counters.upgrades.Add(1);
  service.handlers().upgrade(shard, std::move(socket), accepted, std::move(leftover));
}

void HttpShard::Close(absl::AnyInvocable<void()> done) {
  closed = true;
  arrivals.clear();
  if (sessions.empty()) return done();
  on_closed = std::move(done);
  for (HttpSession* const session : sessions) session->Close();
}

namespace {

asio::awaitable<void> Serve(std::unique_ptr<HttpSession> session) { co_await session->Run(); }

}  // namespace

void ServeHttp(Socket socket, std::shared_ptr<HttpShard> http, absl::string_view read) {
  asio::io_context& io = http->shard.io();
  auto session = std::make_unique<HttpSession>(std::move(socket), std::move(http), read);
  asio::co_spawn(io, Serve(std::move(session)), asio::detached);
}

}  // namespace atrium
