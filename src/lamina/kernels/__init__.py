"""Operations whose fastest form depends on the platform and the shapes: one public function each, and the lowerings behind it."""

__all__: list[str] = []
