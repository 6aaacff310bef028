using System.CommandLine;
using Bam.Torch;
using Bam.Torch.Distributed;
using Bam.Training.Distributed;

namespace Bam.Cli.Commands;

/// <summary>
/// The processes that a launcher started for a command that measures or runs a model: they divide the model's experts among them.
/// Rank 0 writes result and messages; the others write only their errors.
/// </summary>
internal static class CommandRanks
{
    /// <summary>The invocation for this rank: silent unless it is rank 0.</summary>
    /// <exception cref="InvalidInputException">The launcher's variables are incomplete.</exception>
    public static Invocation Of(Invocation invocation) =>
        DistributedEnvironment.Current().Rank == 0 ? invocation : invocation.Silent();

    /// <summary>The chosen device, of which <c>auto</c> and <c>cuda</c> are one for each rank of a machine.</summary>
    /// <exception cref="InvalidInputException">There is no such device.</exception>
    public static Device DeviceOf(Invocation invocation, Option<string> option) =>
        DeviceOption.Of(invocation, option, DistributedEnvironment.Current().LocalRank);

    /// <summary>Refuses input from standard input, which rank 0 alone has.</summary>
    /// <exception cref="InvalidInputException">There are more ranks.</exception>
    public static void RequireNoStandardInput(string option)
    {
        if (DistributedEnvironment.Current().Size > 1)
            throw new InvalidInputException(
                option, "a text that every process can read", "standard input", "name the text or a file by an option");
    }

    /// <summary>
    /// Runs a command with the group of all ranks, which is null for one process. libtorch must be loaded.
    /// </summary>
    /// <exception cref="ProcessGroupException">Another rank failed.</exception>
    /// <exception cref="OperationCanceledException">This rank or another one was interrupted.</exception>
    public static void Run(Invocation invocation, Device device, Action<ProcessGroup?> command)
    {
        var place = DistributedEnvironment.Current();
        if (place.Size == 1)
        {
            command(null);
            return;
        }

        try
        {
            using var group = RankNetwork.Join(place, device);
            try
            {
                command(group);
                // No rank leaves while another one still needs it.
                group.Barrier();
            }
            catch (Exception e)
            {
                group.ReportFailure(e);
                throw;
            }
        }
        catch (ProcessGroupException) when (invocation.Cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(invocation.Cancellation);
        }
    }
}
