#include "server/engine/log_file_check.h"

#include <algorithm>
#include <boost/crc.hpp>
#include <cstdint>

namespace atrium {
namespace {

// The format: blocks of 32 KiB, filled with pieces that do not cross their ends; what is too short for a header at the
// end of a block is zeros. A piece is: checksum (4 bytes, of type and payload), length of the payload (2), type (1),
// payload; numbers are little-endian. A batch is one kFull piece, or a kFirst, any kMiddle and a kLast.
constexpr size_t kBlock = 32768;
constexpr size_t kHeader = 7;
// A file system writes so many bytes at once.
constexpr size_t kPage = 4096;
enum PieceType : uint8_t { kZero = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

uint32_t ByteAt(absl::string_view file, size_t at) { return static_cast<unsigned char>(file[at]); }

// Returns the CRC-32C of `bytes`, masked as it is in the file.
uint32_t Checksum(absl::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  const uint32_t sum = crc.checksum();
  return (sum >> 15 | sum << 17) + 0xa282ead8u;
}

size_t BlockEnd(size_t at) { return (at / kBlock + 1) * kBlock; }

bool AllZero(absl::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

// The piece at `at`, whose header is in the file.
struct Piece {
  Piece(absl::string_view file, size_t at)
      : checksum(ByteAt(file, at) | ByteAt(file, at + 1) << 8 | ByteAt(file, at + 2) << 16 |
                 ByteAt(file, at + 3) << 24),
        length(ByteAt(file, at + 4) | ByteAt(file, at + 5) << 8),
        type(static_cast<uint8_t>(file[at + 6])),
        end(at + kHeader + length) {}

  // Returns whether the piece is all there, as it was written.
  bool Sound(absl::string_view file) const {
    const size_t at = end - kHeader - length;
    return end <= std::min(file.size(), BlockEnd(at)) && type >= kFull && type <= kLast &&
           Checksum(file.substr(at + 6, length + 1)) == checksum;
  }
  bool begins_batch() const { return type == kFull || type == kFirst; }
  bool ends_batch() const { return type == kFull || type == kLast; }

  uint32_t checksum;
  size_t length;
  uint8_t type;
  size_t end;
};

// Returns where the next piece may begin, from `at` on.
size_t SkipTrailer(size_t at) { return BlockEnd(at) - at < kHeader ? BlockEnd(at) : at; }

// Returns whether a sound batch begins behind the bad piece at `bad`. Lengths cannot be trusted before the next block.
bool BatchBeginsAfter(absl::string_view file, size_t bad) {
  const size_t next_block = std::min(BlockEnd(bad), file.size());
  for (size_t at = bad + 1; at + kHeader <= next_block; ++at) {
    const Piece piece(file, at);
    if (piece.begins_batch() && piece.Sound(file)) return true;
  }
  for (size_t at = next_block; at + kHeader <= file.size();) {
    const Piece piece(file, at);
    if (!piece.Sound(file)) {
      at = BlockEnd(at);
      continue;
    }
    if (piece.begins_batch()) return true;
    at = SkipTrailer(piece.end);
  }
  return false;
}

// Returns whether a page was never written, as far as it belongs to the batch that begins at `batch`.
bool HasHole(absl::string_view file, size_t batch) {
  for (size_t at = batch; at < file.size();) {
    const size_t page_end = std::min((at / kPage + 1) * kPage, file.size());
    if (AllZero(file.substr(at, page_end - at))) return true;
    at = page_end;
  }
  return false;
}

// Returns whether the piece at `bad`, whose length points behind the file, would be sound with a length that ends with
// the file.
bool EndsWithFile(absl::string_view file, size_t bad) {
  return file.size() <= BlockEnd(bad) && Checksum(file.substr(bad + 6)) == Piece(file, bad).checksum;
}

// Returns what the last batch is, which begins at `batch` and has no sound piece at `bad`.
LogFileEnd::Kind KindOfEnd(absl::string_view file, size_t batch, size_t bad) {
  if (bad + kHeader > file.size() || AllZero(file.substr(bad))) return LogFileEnd::kTorn;
  const Piece piece(file, bad);
  // The piece is sound but out of place, or older than another batch, so that it was synced once.
  if (piece.Sound(file) || BatchBeginsAfter(file, bad)) return LogFileEnd::kDamaged;
  const bool cut_short =
      piece.end > file.size() && piece.end <= BlockEnd(bad) && piece.type >= kFull && piece.type <= kLast;
  if (cut_short) return EndsWithFile(file, bad) ? LogFileEnd::kDamaged : LogFileEnd::kTorn;
  return HasHole(file, batch) ? LogFileEnd::kTorn : LogFileEnd::kDamaged;
}

}  // namespace

LogFileEnd CheckLogFile(absl::string_view file) {
  // The current batch begins here.
  size_t batch = 0;
  bool inside = false;
  size_t at = 0;
  while (at < file.size()) {
    if (at + kHeader > file.size()) break;
    const Piece piece(file, at);
    if (!piece.Sound(file) || piece.begins_batch() == inside) break;
    inside = !piece.ends_batch();
    at = SkipTrailer(piece.end);
    if (!inside) batch = std::min(at, file.size());
  }
  if (at >= file.size()) return {inside ? LogFileEnd::kTorn : LogFileEnd::kWhole, batch};
  return {KindOfEnd(file, batch, at), batch};
}

}  // namespace atrium
