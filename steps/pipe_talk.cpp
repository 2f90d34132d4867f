#include "steps/pipe_talk.h"

#include "steps/printable.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace migrate {

void send_note(Pipe& pipe, const boost::json::object& note) {
  pipe.send(Pipe::Kind::note, boost::json::serialize(note));
}

boost::json::object receive_note(Pipe& pipe) {
  const Pipe::Frame frame = pipe.receive();
  if (frame.kind == Pipe::Kind::error) throw Failure("The other host said: " + printable(frame.data));
  if (frame.kind == Pipe::Kind::note) {
    boost::system::error_code error;
    boost::json::value note = boost::json::parse(frame.data, error);
    if (!error && note.is_object()) return std::move(note.get_object());
  }
  throw Failure("The other host sent something else than this step expects: are the two agents of one version?");
}

void tell_failure(Pipe& pipe, const std::string& sentence) noexcept {
  try {
    pipe.send(Pipe::Kind::error, sentence);
  } catch (const std::exception&) {
    // The failure that is told is the one that counts, and the peer sees that the pipe has gone.
  }
}

}  // namespace migrate
