using System.Globalization;
using Bam.Bench.ServeSoak;
using Bam.Server.Serving;
using Bam.Server.Tests;
using Bam.Torch;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is not [var number, var output] || !int.TryParse(number, out var requests))
{
    await Console.Error.WriteLineAsync("usage: REQUESTS OUTPUT");
    return 2;
}

const int parts = 10, clients = 16;
var model = new TestModel();
var texts = SoakText.Some(model);
var rows = new List<string>();
var tally = new Tally();
var memory = new List<long>();
var server = await TestServer.Start(new ServerOptions { Slots = 6, Queue = 100 }, model);
for (var part = 0; part < parts; part++)
{
    await Parallel.ForAsync(
        requests * part / parts, requests * (part + 1) / parts, new ParallelOptions { MaxDegreeOfParallelism = clients },
        async (i, _) => await tally.Ask(server, texts[i % texts.Count], i));
    memory.Add(Memory.Resident());
    rows.Add($"| {requests * (part + 1) / parts:N0} | {memory[^1] / 1e6:0.0} | {Tensor.LiveCount} |");
    Console.WriteLine(rows[^1]);
}

for (var tries = 0; tries < 1000 && server.Served.Scheduler.Load.Running > 0; tries++) await Task.Delay(10);
var load = server.Served.Scheduler.Load;
var growth = (double)memory[^1] / memory[parts / 5 - 1];
await server.Stop();
await server.DisposeAsync();
var left = Tensor.LiveCount;
var verdict = tally.Wrong == 0 && load == (0, 0, 0) && left == 0 && growth <= 1.05;
await File.WriteAllTextAsync(output, $"""
    # Serving for long

    `bench/serve-soak` on {Memory.Processor()}: {requests:N0} requests of {clients} clients.

    - {tally.Right:N0} answers right, {tally.Wrong:N0} wrong; {tally.Left:N0} clients left; {tally.Refused:N0} malformed requests
      refused
    - tensors left at the end: {left}
    - memory after the last request relative to that after the first fifth: {growth:0.000}

    | requests | resident memory (MB) | live tensors |
    |---:|---:|---:|
    {string.Join('\n', rows)}

    """);
Console.WriteLine(verdict ? "passed" : $"failed: wrong {tally.Wrong}, load {load}, tensors {left}, growth {growth:0.000}");
return verdict ? 0 : 1;
