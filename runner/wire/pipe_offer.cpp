#include "runner/wire/pipe_offer.h"

#include "runner/wire/fields.h"

#include <boost/json/array.hpp>

#include <utility>

namespace migrate {

boost::json::object to_json(const PipeOffer& offer) {
  boost::json::array addresses(offer.addresses.begin(), offer.addresses.end());
  return {{"addresses", std::move(addresses)}, {"port", offer.port}, {"key", offer.key}};
}

PipeOffer pipe_offer_from_json(boost::json::object object) {
  const Fields fields(std::move(object), "a pipe's offer");
  PipeOffer offer;
  offer.addresses = fields.texts_or_empty("addresses");
  offer.port = static_cast<int>(fields.number("port", 1, 65535));
  offer.key = fields.text("key");
  return offer;
}

}  // namespace migrate
