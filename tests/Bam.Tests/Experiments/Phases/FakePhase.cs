using System.Text.Json.Nodes;
using Bam.Experiments.Phases;

namespace Bam.Tests.Experiments.Phases;

/// <summary>A phase whose work is to count its runs and to do what the test says.</summary>
internal sealed class FakePhase(string kind, string name, JsonObject settings, params Phase[] dependencies)
    : Phase(kind, name, settings, [.. dependencies.Select(PhaseNeed.Of)])
{
    public bool Continues { get; init; }

    public bool Timed { get; init; }

    public Action<PhaseContext> Work { get; init; } = _ => { };

    public int Runs { get; private set; }

    public override bool CanContinueIn(PhaseStore store) => Continues;

    public override bool IsTimed => Timed;

    public override JsonObject Run(PhaseContext context)
    {
        Runs++;
        Work(context);
        return new JsonObject { ["runs"] = Runs };
    }

    protected internal override bool IsOutput(string file) => file == "half";
}
