"""A back end on Redis or Valkey, for several servers on one store.

places     how a URL names one: alone, behind Sentinels, in a Cluster
link       a connection to the primary, whose answers are bounded
route      finding the primary, and finding it again
pipeline   the thread that sends everything queued at once
scripts    the keys of a store, and the scripts that run beside them
buckets    the same for blobs that are spread over a Cluster
nodes      the nodes of a Cluster, asked all at once
spread     putting, reading and dropping blobs there
condition  what Redis must be like, and what it promises to keep
failures   what its errors mean
backend    the back end
"""

from storage.durability import Durability
from storage.redis.backend import RedisBackend
from storage.redis.places import RedisPlace

__all__ = ["Durability", "RedisBackend", "RedisPlace"]
