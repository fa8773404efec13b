#include "server/http/http_stream.h"

#include <netinet/tcp.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace atrium {
namespace {

namespace asio = boost::asio;

using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);

// One write of more than this brings nothing more.
constexpr size_t kWriteBytes = 256 * 1024;

// This tells that the stream is open, and browsers to wait two seconds before they come again.
constexpr absl::string_view kFirstLines = ": follows a room\nretry: 2000\n\n";
constexpr absl::string_view kEventHeartbeat = ":\n\n";
constexpr absl::string_view kLineHeartbeat = "\n";

void AppendFrame(std::string& text, const Observer::Item& item, ReaderKind kind, const std::string& epoch) {
  const absl::string_view json = item.frame->message(Encoding::kBareJson);
  if (kind == ReaderKind::kJsonLines) {
    absl::StrAppend(&text, json, "\n");
  } else {
    if (item.offset) absl::StrAppend(&text, "id: ", epoch, ":", *item.offset, "\n");
    absl::StrAppend(&text, "data: ", json, "\n\n");
  }
}

std::string Chunk(absl::string_view text) { return absl::StrCat(absl::Hex(text.size()), "\r\n", text, "\r\n"); }

// Without traffic, a client whose machine has vanished is noticed by the kernel.
void KeepAlive(tcp::socket& socket) {
  error_code ignored;
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  using Idle = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
  using Interval = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
  socket.set_option(Idle(25), ignored);
  socket.set_option(Interval(8), ignored);
}

}  // namespace

HttpResponse RefusalOf(ReaderKind kind, const absl::Status& error) {
  // The room was destroyed: an EventSource comes back after any other answer, and gives up after this one (HTML 9.2.2).
  if (kind == ReaderKind::kServerSentEvents && absl::IsNotFound(error)) return {.status = 204};
  return ErrorResponse(error);
}

HttpStream::HttpStream(IoShard& shard, tcp::socket& socket, absl::Duration heartbeat)
    : shard_(shard),
      socket_(socket),
      heartbeat_(std::chrono::duration_cast<Clock::duration>(absl::ToChronoNanoseconds(heartbeat))),
      alarm_(shard.io()) {}

HttpStream::~HttpStream() {
  if (observer_ != nullptr) observer_->Close();
}

asio::awaitable<absl::Status> HttpStream::WaitForFirst(StreamedBody& body) {
  kind_ = body.kind;
  KeepAlive(socket_);
  WatchSocket();
  observer_ = body.start(shard_.index(), *this);
  while (!ready_ && !gone_) co_await Sleep(Clock::time_point::max());
  const std::optional<absl::Status>& verdict = observer_->verdict();
  co_return verdict ? *verdict : absl::OkStatus();
}

asio::awaitable<bool> HttpStream::Send(std::string head, bool chunked) {
  const auto append = [&head, chunked](absl::string_view text) {
    if (!text.empty()) absl::StrAppend(&head, chunked ? Chunk(text) : std::string(text));
  };
  const bool events = kind_ == ReaderKind::kServerSentEvents;
  const auto next_heartbeat = [this] {
    return heartbeat_ > Clock::duration::zero() ? Clock::now() + heartbeat_ : Clock::time_point::max();
  };
  // The first frames go with the head.
  if (events) append(kFirstLines);
  append(TakeText());
  if (!co_await Write(std::move(head))) co_return false;
  Clock::time_point heartbeat = next_heartbeat();
  for (;;) {
    std::string text = TakeText();
    if (text.empty() && AtEnd()) break;
    if (text.empty() && Clock::now() >= heartbeat) text = std::string(events ? kEventHeartbeat : kLineHeartbeat);
    if (text.empty()) {
      co_await Sleep(heartbeat);
      continue;
    }
    if (chunked) text = Chunk(text);
    if (!co_await Write(std::move(text))) co_return false;
    heartbeat = next_heartbeat();
  }
  if (gone_ || TooSlow()) co_return false;
  // GCC 12 evaluates a co_await behind || in any case.
  if (!chunked) co_return true;
  co_return co_await Write("0\r\n\r\n");
}

asio::awaitable<void> HttpStream::Finish() {
  finishing_ = true;
  error_code ignored;
  if (watching_socket_) socket_.cancel(ignored);
  while (watching_socket_) co_await Sleep(Clock::time_point::max());
}

std::string HttpStream::TakeText() {
  const std::vector<Observer::Item> items = observer_->Take(kWriteBytes);
  std::string text;
  for (const Observer::Item& item : items) AppendFrame(text, item, kind_, observer_->epoch());
  return text;
}

bool HttpStream::TooSlow() const {
  return observer_->verdict() && observer_->verdict()->code() == absl::StatusCode::kResourceExhausted;
}

bool HttpStream::AtEnd() const { return gone_ || observer_->verdict(); }

void HttpStream::OnReady() {
  ready_ = true;
  // A write that never ends, because the client reads nothing, ends so.
  if (TooSlow()) Gone();
  alarm_.cancel();
}

void HttpStream::WatchSocket() {
  watching_socket_ = true;
  socket_.async_wait(tcp::socket::wait_read, [this](error_code error) {
    watching_socket_ = false;
    if (!error && !finishing_) {
      std::array<char, 4096> unwanted;
      socket_.non_blocking(true, error);
      if (!error) socket_.read_some(asio::buffer(unwanted), error);
      if (!error || error == asio::error::would_block) return WatchSocket();
    }
    if (!finishing_) Gone();
    alarm_.cancel();
  });
}

void HttpStream::Gone() {
  gone_ = true;
  error_code ignored;
  socket_.close(ignored);
}

asio::awaitable<void> HttpStream::Sleep(Clock::time_point until) {
  alarm_.expires_at(until);
  co_await alarm_.async_wait(kToken);
}

asio::awaitable<bool> HttpStream::Write(std::string bytes) {
  const auto [error, size] = co_await asio::async_write(socket_, asio::buffer(bytes), kToken);
  co_return !error;
}

}  // namespace atrium
