using System.CommandLine;
using Bam.Models;
using Bam.Torch;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Token ids to logits, losses and gradients, as files: how Bam is compared with other implementations.</summary>
internal sealed class Forward : Verb
{
    private readonly Argument<string> _model = new("MODEL") { Description = "A checkpoint directory" };
    private readonly Option<string> _input = new("--input") { Description = "Safetensors file with int64 input_ids [B, T]", Required = true };
    private readonly Option<string> _output = new("--output") { Description = "Safetensors file to write: logits, nll, load_balancing, z, loss", Required = true };
    private readonly Option<bool> _gradients = new("--gradients") { Description = "Also write grad.NAME for every parameter" };
    private readonly Option<string> _device = new("--device") { Description = "auto, cpu or cuda:N", DefaultValueFactory = _ => "auto" };

    public Forward()
        : base("forward", "Compute logits, losses and gradients of given token ids", "bam forward MODEL --input ids.safetensors --output out.safetensors --gradients")
    {
        Arguments.Add(_model);
        Options.Add(_input);
        Options.Add(_output);
        Options.Add(_gradients);
        Options.Add(_device);
    }

    public override int Execute(Invocation invocation)
    {
        LibTorch.Load();
        var output = invocation.GetRequired(_output);
        ForwardPass.Run(
            invocation.GetRequired(_model), invocation.GetRequired(_input), output, invocation.Get(_gradients),
            Device.Parse(invocation.Get(_device)!));
        invocation.WriteResult(new { output }, console => console.MarkupLineInterpolated($"{output}"));
        return ExitStatus.Done;
    }
}
