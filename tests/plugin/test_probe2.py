from tests.plugin.test_models_and_cassettes import *
def test_storm(project, models):
    server = models.server(replies=mostly_good, errors=[Fault(status=429, retry_after=0.05)] * 30)
    project.files({"served.suite.yaml": served(server, rates=LOOSE, max_retries=20)})
    ran = project.gate()
    from collections import Counter
    print("CALLS", [c.seed % 1000 for c in server.calls])
