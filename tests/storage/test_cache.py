from storage.cache import Cache


def test_the_longest_unused_goes_first():
    cache = Cache(30)
    for key in (b"a", b"b", b"c"):
        cache.put(key, key, 10)
    assert cache.get(b"a") == b"a"
    cache.put(b"d", b"d", 10)
    assert [cache.get(key) for key in (b"a", b"b", b"c", b"d")] == [b"a", None, b"c", b"d"]


def test_a_value_too_large_is_not_kept():
    cache = Cache(30)
    cache.put(b"a", 1, 10)
    cache.put(b"b", 2, 31)
    assert (cache.get(b"a"), cache.get(b"b")) == (None, None)
    cache.put(b"c", 3, 30)
    assert cache.get(b"c") == 3


def test_replacing_and_dropping_free_what_they_took():
    cache = Cache(20)
    cache.put(b"a", 1, 20)
    cache.put(b"a", 2, 10)
    cache.put(b"b", 3, 10)
    assert cache.get(b"a") == 2
    cache.drop(b"a")
    cache.drop(b"a")
    cache.put(b"c", 4, 10)
    assert cache.get(b"b") == 3
