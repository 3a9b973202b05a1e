from storage import SQLiteBackend
from storage.testing import check_backend


async def test_back_end(tmp_path):
    await check_backend(lambda: SQLiteBackend(tmp_path / "store"))
