using System.CommandLine;
using Bam.Checkpoints.Opening;

namespace Bam.Cli.Commands;

/// <summary>What is in a checkpoint, or what two differ in.</summary>
internal sealed class Inspect : Verb
{
    private readonly Argument<string> model = new("MODEL") { Description = "A checkpoint directory" };
    private readonly Argument<string?> other = new("OTHER") { Description = "Another, to compare it with", Arity = ArgumentArity.ZeroOrOne };

    public Inspect()
        : base("inspect", "Show what is in a checkpoint, or what two differ in", "bam inspect seed mixture")
    {
        Arguments.Add(this.model);
        Arguments.Add(this.other);
    }

    public override int Execute(Invocation invocation)
    {
        using var model = Checkpoint.Open(invocation.GetRequired(this.model), invocation.Reporter);
        if (invocation.Get(this.other) is not { } path)
        {
            InspectView.Show(CheckpointSummary.Of(model), invocation);
            return ExitStatus.Done;
        }

        using var other = Checkpoint.Open(path, invocation.Reporter);
        var comparison = CheckpointComparison.Of(model, other, invocation.Reporter, invocation.Cancellation);
        ComparisonView.Show(comparison, model.Directory, other.Directory, invocation);
        return ExitStatus.Done;
    }
}
