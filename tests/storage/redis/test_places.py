"""The forms of a Redis URL."""

import pytest
from redis.connection import parse_url

from storage.redis.places import Form, RedisPlace

HOST = (("h", 6379),)


@pytest.mark.parametrize(
    "url, place",
    [
        ("redis://h", RedisPlace(Form.ALONE, hosts=HOST)),
        ("redis://", RedisPlace(Form.ALONE, hosts=(("localhost", 6379),))),
        ("redis://h:1/2", RedisPlace(Form.ALONE, hosts=(("h", 1),), database=2)),
        ("redis://h?db=2", RedisPlace(Form.ALONE, hosts=HOST, database=2)),
        ("redis://[::1]:1", RedisPlace(Form.ALONE, hosts=(("::1", 1),))),
        ("redis://u:p%40@h", RedisPlace(Form.ALONE, hosts=HOST, username="u", password="p@")),
        ("redis://:p@h", RedisPlace(Form.ALONE, hosts=HOST, password="p")),
        ("rediss://h", RedisPlace(Form.ALONE, True, HOST)),
        (
            "rediss://h?ssl_ca_certs=/c&ssl_certfile=/d&ssl_keyfile=/e",
            RedisPlace(Form.ALONE, True, HOST, ca_file="/c", certificate_file="/d", key_file="/e"),
        ),
        ("unix:///run/s?db=3", RedisPlace(Form.UNIX, path="/run/s", database=3)),
        (
            "redis+sentinel://a,b:2/main/4?sentinel_auth=true",
            RedisPlace(
                Form.SENTINEL,
                hosts=(("a", 26379), ("b", 2)),
                service="main",
                database=4,
                sentinel_auth=True,
            ),
        ),
        (
            "rediss+sentinel://a/main",
            RedisPlace(Form.SENTINEL, True, (("a", 26379),), service="main"),
        ),
        (
            "redis+cluster://a,b:2",
            RedisPlace(Form.CLUSTER, hosts=(("a", 6379), ("b", 2))),
        ),
        ("rediss+cluster://a", RedisPlace(Form.CLUSTER, True, (("a", 6379),))),
    ],
)
def test_a_url_names_a_place(url, place):
    assert RedisPlace.parse(url) == place


@pytest.mark.parametrize(
    "url",
    [
        "redis://u:p%2F@h:1/2",
        "redis://h?db=7",
        "rediss://h",
        "unix:///run/s",
        "redis://:p@[::1]:3/1",
    ],
)
def test_the_plain_forms_are_read_as_the_client_reads_them(url):
    theirs, ours = parse_url(url), RedisPlace.parse(url)
    host, port = ours.hosts[0] if ours.hosts else (None, None)
    assert (theirs.get("host"), theirs.get("port", 6379 if host else None)) == (host, port)
    assert theirs.get("db", 0) == ours.database
    assert theirs.get("username", "") == ours.username
    assert theirs.get("password", "") == ours.password
    assert theirs.get("path", "") == ours.path


@pytest.mark.parametrize(
    "url",
    [
        "http://h",
        "redis:h",
        "h",
        "",
        "redis://a,b",
        "redis://h:x",
        "redis://h:99999",
        "redis://h/x",
        "redis://h/1/2",
        "redis://h/-1",
        "redis://h?socket_timeout=0",
        "rediss://h?ssl_cert_reqs=none",
        "redis://h?ssl_ca_certs=/c",
        "unix://relative",
        "redis+sentinel://a",
        "redis+cluster://a/1",
        "redis+cluster://" + ",".join("a" * 65),
        "redis://" + "h" * 3000,
    ],
)
def test_what_is_no_url_of_ours_is_refused_without_being_repeated(url):
    with pytest.raises(ValueError) as caught:
        RedisPlace.parse(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["redis://u:secret@h:1/2", "rediss://h:1", "unix:///run/s", "redis+sentinel://a:1,[::1]:2/m/3"],
)
def test_a_place_is_written_without_its_password(url):
    place = RedisPlace.parse(url)
    assert "secret" not in str(place) + repr(place)
    assert RedisPlace.parse(str(place)).hosts == place.hosts
