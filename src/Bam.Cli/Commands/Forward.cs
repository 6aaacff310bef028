using System.CommandLine;
using Bam.Models;
using Bam.Torch;

namespace Bam.Cli.Commands;

/// <summary>Token ids to logits, losses and gradients, as files: how Bam is compared with other implementations.</summary>
internal sealed class Forward : Verb
{
    private readonly Argument<string> model = new("MODEL") { Description = "A checkpoint directory, or BASE+ADAPTER" };

    private readonly Option<string> input = new("--input")
    {
        Description = "Safetensors file with int64 input_ids [B, T]",
        Required = true,
    };

    private readonly Option<string> output = new("--output")
    {
        Description = "Safetensors file to write: logits, nll, load_balancing, z, loss",
        Required = true,
    };

    private readonly Option<bool> gradients = new("--gradients") { Description = "Also write grad.NAME for every parameter" };
    private readonly Option<string> device = DeviceOption.Create();

    public Forward()
        : base(
            "forward", "Compute logits, losses and gradients of given token ids",
            "bam forward MODEL --input ids.safetensors --output out.safetensors --gradients")
    {
        Arguments.Add(model);
        Options.Add(input);
        Options.Add(output);
        Options.Add(gradients);
        Options.Add(device);
    }

    public override int Execute(Invocation invocation)
    {
        LibTorch.Load();
        var path = invocation.GetRequired(output);
        ForwardPass.Run(
            invocation.GetRequired(model), invocation.GetRequired(input), path, invocation.Get(gradients),
            DeviceOption.Of(invocation, device), invocation.Reporter);
        invocation.WriteResult(new { output = path }, console => console.LabelledLine($"{path}"));
        return ExitStatus.Done;
    }
}
