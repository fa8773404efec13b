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
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/common/errors.h"
#include "server/http/http_head.h"
#include "server/http/http_stream.h"
#include "server/http/url.h"
#include "server/http/websocket_handshake.h"

namespace atrium {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

using asio::ip::tcp;
using boost::beast::error_code;
using Parser = http::request_parser<http::string_body>;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);

// Of a connection that we end: so long what the client still sends is read, or the kernel would drop our answer.
constexpr absl::Duration kDrain = absl::Seconds(2);

// Cancels what the socket does once a time has passed.
class Deadline {
 public:
  Deadline(IoShard& shard, tcp::socket& socket) : shard_(shard), socket_(socket) {}
  ~Deadline() { Clear(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void Set(absl::Duration delay) {
    Clear();
    expired_ = false;
    timer_ = shard_.After(delay, [this] {
      timer_.reset();
      expired_ = true;
      error_code ignored;
      socket_.cancel(ignored);
    });
  }
  void Clear() {
    if (timer_) shard_.Cancel(*std::exchange(timer_, std::nullopt));
  }
  bool expired() const { return expired_; }

 private:
  IoShard& shard_;
  tcp::socket& socket_;
  std::optional<Shard::TimerId> timer_;
  bool expired_ = false;
};

absl::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

// The values of all headers `name`, with commas between.
std::string Combined(const Parser::value_type& request, http::field name) {
  std::string combined;
  const auto [first, last] = request.equal_range(name);
  for (auto it = first; it != last; ++it) {
    absl::StrAppend(&combined, combined.empty() ? "" : ",", View(it->value()));
  }
  return combined;
}

// The target without scheme and host, which only proxies send.
absl::string_view OriginForm(absl::string_view target) {
  const size_t scheme = target.find("://");
  if (target.empty() || target.front() == '/' || scheme == target.npos) return target;
  const size_t path = target.find('/', scheme + 3);
  return path == target.npos ? "/" : target.substr(path);
}

// Moves out the body.
HttpRequest ToHttpRequest(Parser::value_type& request) {
  return {.method = request.method() == http::verb::head ? "GET" : std::string(request.method_string()),
          .target = std::string(OriginForm(View(request.target()))),
          .content_type = std::string(request[http::field::content_type]),
          .if_none_match = std::string(request[http::field::if_none_match]),
          .accept = Combined(request, http::field::accept),
          .last_event_id = std::string(request["Last-Event-ID"]),
          .body = std::move(request.body())};
}

bool IsWebSocketTarget(const Parser::value_type& request) {
  return request.method() == http::verb::get && SplitTarget(OriginForm(View(request.target()))).first == "/ws";
}

std::variant<WebSocketAnswer, HttpResponse> AnswerUpgrade(const Parser::value_type& request, bool may_deflate) {
  const std::string upgrade = Combined(request, http::field::upgrade);
  const std::string connection = Combined(request, http::field::connection);
  const std::string subprotocols = Combined(request, http::field::sec_websocket_protocol);
  const std::string extensions = Combined(request, http::field::sec_websocket_extensions);
  if (request.version() < 11) return AnswerWebSocketOffer({});
  return AnswerWebSocketOffer({.upgrade = upgrade,
                               .connection = connection,
                               .version = View(request[http::field::sec_websocket_version]),
                               .key = View(request[http::field::sec_websocket_key]),
                               .subprotocols = subprotocols,
                               .extensions = extensions,
                               .may_deflate = may_deflate});
}

std::string UpgradeHead(const WebSocketAnswer& answer) {
  std::string head = StatusLine(101);
  AppendHeader(head, "Upgrade", "websocket");
  AppendHeader(head, "Connection", "Upgrade");
  AppendHeader(head, "Sec-WebSocket-Accept", answer.accept);
  if (answer.offered) AppendHeader(head, "Sec-WebSocket-Protocol", answer.subprotocol);
  if (!answer.extensions.empty()) AppendHeader(head, "Sec-WebSocket-Extensions", answer.extensions);
  return head += "\r\n";
}

// What a request that could not be read is answered with; null if there is nobody to answer.
std::optional<HttpResponse> ReadErrorResponse(error_code error, const HttpLimits& limits) {
  const auto refuse = [](int status, absl::StatusCode code, const char* reason, const std::string& message) {
    return ErrorResponse(status, MakeError(code, reason, message));
  };
  const error_code ended = http::error::end_of_stream;
  if (error == ended || error.category() != ended.category()) return std::nullopt;
  if (error == http::error::body_limit) {
    return refuse(413, absl::StatusCode::kResourceExhausted, "BODY_TOO_LARGE",
                  absl::StrCat("the body is larger than ", limits.max_body_bytes, " bytes"));
  }
  if (error == http::error::header_limit) {
    return refuse(431, absl::StatusCode::kResourceExhausted, "HEADERS_TOO_LARGE", "the headers are too large");
  }
  return refuse(400, absl::StatusCode::kInvalidArgument, "INVALID_HTTP",
                absl::StrCat("not an HTTP/1.1 request: ", error.message()));
}

}  // namespace

class HttpSession {
 public:
  HttpSession(tcp::socket socket, std::shared_ptr<HttpWorker> worker)
      : worker_(std::move(worker)), socket_(std::move(socket)), deadline_(worker_->shard, socket_) {
    Enter();
  }
  ~HttpSession() {
    if (inside_) Leave();
    worker_->gate->open.fetch_sub(1, std::memory_order_relaxed);
  }

  asio::awaitable<void> Run() {
    for (bool first = true;; first = false) {
      if (!co_await WaitForRequest(first ? limits().request_timeout : limits().idle_timeout)) co_return;
      // Who is new here comes after those who are not.
      if (first) co_await UntilIdle();
      Parser parser;
      parser.body_limit(limits().max_body_bytes);
      const error_code error = co_await Read(parser);
      if (error) {
        co_await RefuseUnread(error);
        co_return;
      }
      if (IsWebSocketTarget(parser.get())) {
        co_await Upgrade(parser.get());
        co_return;
      }
      const bool head = parser.get().method() == http::verb::head;
      const bool keep_alive = parser.keep_alive();
      HttpResponse response = co_await Answer(ToHttpRequest(parser.get()));
      if (worker_->closed) co_return;
      if (response.stream != nullptr) {
        if (co_await Stream(response, head, parser.get().version())) break;
        co_return;
      }
      const bool last = !keep_alive || worker_->gate->draining.load(std::memory_order_relaxed);
      if (!co_await Write(response, head, !last)) co_return;
      if (last) break;
    }
    co_await Drain();
  }

  void Close() {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  const HttpLimits& limits() const { return worker_->limits; }

  void Enter() {
    inside_ = true;
    worker_->sessions.insert(this);
  }

  void Leave() {
    inside_ = false;
    worker_->sessions.erase(this);
    if (worker_->closed && worker_->sessions.empty()) std::exchange(worker_->on_closed, nullptr)();
  }

  void CountTimeout() { worker_->counters.timeouts.Add(1); }

  // False when the client ended the connection or was silent for so long. It holds no buffer meanwhile.
  asio::awaitable<bool> WaitForRequest(absl::Duration wait) {
    if (buffer_.size() > 0) co_return true;
    buffer_.shrink_to_fit();
    deadline_.Set(wait);
    const auto [error] = co_await socket_.async_wait(tcp::socket::wait_read, kToken);
    deadline_.Clear();
    if (deadline_.expired()) CountTimeout();
    co_return !error && !deadline_.expired();
  }

  asio::awaitable<void> UntilIdle() {
    return asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [&shard = worker_->shard](auto handler) {
          shard.WhenIdle([handler = std::move(handler)]() mutable { std::move(handler)(); });
        },
        asio::use_awaitable);
  }

  asio::awaitable<error_code> Read(Parser& parser) {
    deadline_.Set(limits().request_timeout);
    auto [error, size] = co_await http::async_read_header(socket_, buffer_, parser, kToken);
    if (!error && !parser.is_done()) {
      if (boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        const std::string interim = StatusLine(100) + "\r\n";
        std::tie(error, size) = co_await asio::async_write(socket_, asio::buffer(interim), kToken);
      }
      if (!error) std::tie(error, size) = co_await http::async_read(socket_, buffer_, parser, kToken);
    }
    deadline_.Clear();
    co_return error;
  }

  asio::awaitable<void> RefuseUnread(error_code error) {
    std::optional<HttpResponse> response = ReadErrorResponse(error, limits());
    if (deadline_.expired()) {
      CountTimeout();
      response = ErrorResponse(
          408, MakeError(absl::StatusCode::kDeadlineExceeded, "REQUEST_TIMEOUT", "the request did not arrive in time"));
    }
    if (!response || worker_->closed) co_return;
    if (co_await Write(*response, /*head=*/false, /*keep_alive=*/false)) co_await Drain();
  }

  asio::awaitable<HttpResponse> Answer(HttpRequest request) {
    Leave();
    HttpResponse response = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(HttpResponse)>(
        [this, &request](auto handler) {
          worker_->service.Handle(
              request, [&shard = worker_->shard, handler = std::move(handler)](HttpResponse response) mutable {
                shard.Post([handler = std::move(handler), response = std::move(response)]() mutable {
                  std::move(handler)(std::move(response));
                });
              });
        },
        asio::use_awaitable);
    if (!worker_->closed) Enter();
    co_return response;
  }

  asio::awaitable<bool> Write(const HttpResponse& response, bool head_only, bool keep_alive) {
    const std::string head = ResponseHead(response, keep_alive ? HttpBody::kKeepAlive : HttpBody::kLast);
    const std::array<asio::const_buffer, 2> parts = {asio::buffer(head),
                                                     head_only ? asio::const_buffer() : asio::buffer(response.body)};
    worker_->counters.responses[response.status / 100].Add(1);
    deadline_.Set(limits().request_timeout);
    const auto [error, size] = co_await asio::async_write(socket_, parts, kToken);
    deadline_.Clear();
    if (error && deadline_.expired()) CountTimeout();
    co_return !error;
  }

  // True if all was sent. Streams are the last of their connections, which they occupy.
  asio::awaitable<bool> Stream(HttpResponse& response, bool head_only, unsigned version) {
    const HttpBody framing = version < 11 ? HttpBody::kUntilClose : HttpBody::kChunked;
    if (head_only) {
      worker_->counters.responses[2].Add(1);
      const std::string head = ResponseHead(response, framing);
      const auto [error, size] = co_await asio::async_write(socket_, asio::buffer(head), kToken);
      co_return !error;
    }
    buffer_.clear();
    buffer_.shrink_to_fit();
    HttpStream stream(worker_->shard, socket_, limits().stream_heartbeat);
    const absl::Status begun = co_await stream.Begin(*response.stream);
    if (worker_->closed || stream.gone()) {
      co_await stream.Finish();
      co_return false;
    }
    if (!begun.ok()) {
      co_await stream.Finish();
      co_return co_await Write(ErrorResponse(begun), /*head=*/false, /*keep_alive=*/false);
    }
    worker_->counters.responses[2].Add(1);
    const bool sent = co_await stream.Send(ResponseHead(response, framing), framing == HttpBody::kChunked);
    co_await stream.Finish();
    co_return sent;
  }

  asio::awaitable<void> Upgrade(const Parser::value_type& request) {
    const HttpHandlers& handlers = worker_->service.handlers();
    auto answer = AnswerUpgrade(request, handlers.may_deflate);
    if (const auto* const refusal = std::get_if<HttpResponse>(&answer)) {
      if (co_await Write(*refusal, /*head=*/false, /*keep_alive=*/false)) co_await Drain();
      co_return;
    }
    const WebSocketAnswer& accepted = std::get<WebSocketAnswer>(answer);
    const std::string head = UpgradeHead(accepted);
    deadline_.Set(limits().request_timeout);
    const auto [error, size] = co_await asio::async_write(socket_, asio::buffer(head), kToken);
    deadline_.Clear();
    if (error) co_return;
    worker_->counters.responses[1].Add(1);
    worker_->counters.upgrades.Add(1);
    handlers.upgrade(worker_->shard, std::move(socket_), accepted, boost::beast::buffers_to_string(buffer_.data()));
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

  const std::shared_ptr<HttpWorker> worker_;
  tcp::socket socket_;
  Deadline deadline_;
  boost::beast::flat_buffer buffer_;
  // In the worker's set.
  bool inside_ = false;
};

void HttpWorker::Close(absl::AnyInvocable<void()> done) {
  closed = true;
  if (sessions.empty()) return done();
  on_closed = std::move(done);
  for (HttpSession* const session : sessions) session->Close();
}

namespace {

asio::awaitable<void> Serve(std::unique_ptr<HttpSession> session) { co_await session->Run(); }

}  // namespace

void ServeHttp(tcp::socket socket, std::shared_ptr<HttpWorker> worker) {
  asio::io_context& io = worker->shard.io();
  auto session = std::make_unique<HttpSession>(std::move(socket), std::move(worker));
  asio::co_spawn(io, Serve(std::move(session)), asio::detached);
}

}  // namespace atrium
