"""Problem documents: kinds, statuses, and nothing of ours in them."""

from phonodos.errors import ConfigError, PredictionError, StructureError, WeightsError
from phonodos.service.problems import Refused, WorkerLost, fault, problem, status_of


def test_kinds_and_statuses() -> None:
    words = ("what", "why", "cure")
    for error, status, kind in (
        (StructureError(*words), 422, "structure-error"),
        (PredictionError(*words), 422, "prediction-error"),
        (ConfigError(*words), 400, "config-error"),
        (WeightsError(*words), 400, "weights-error"),
        (WorkerLost(*words), 500, "worker-lost"),
        (Refused(*words, status=413), 413, "too-large"),
        (Refused(*words, status=418), 418, "refused"),
    ):
        assert status_of(error) == status
        assert problem(error, "/x") == {
            "type": f"urn:phonodos:{kind}", "title": "what", "status": status, "detail": "why",
            "fix": "cure", "instance": "/x",
        }  # fmt: skip
    assert "instance" not in problem(fault())
    assert status_of(fault()) == 500
