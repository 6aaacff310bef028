using System.CommandLine;
using Bam.Torch;

namespace Bam.Cli.Commands;

/// <summary>The option <c>--device</c>.</summary>
internal static class DeviceOption
{
    public static Option<string> Create(string description = "auto, cpu or cuda:N") => new("--device")
    {
        Description = description,
        HelpName = "DEVICE",
        DefaultValueFactory = _ => "auto",
    };

    /// <summary>The device that is meant; call it once libtorch is loaded.</summary>
    public static Device Of(Invocation invocation, Option<string> option)
    {
        try
        {
            return Device.Parse(invocation.Get(option)!);
        }
        catch (FormatException e)
        {
            throw new InvalidInputException($"--device: {e.Message}", e);
        }
    }
}
