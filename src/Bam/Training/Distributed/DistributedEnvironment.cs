using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Bam.Torch;
using Bam.Torch.Distributed;

namespace Bam.Training.Distributed;

/// <summary>
/// This process's place among those of a run, as torchrun, <c>bam launch</c> or Slurm's <c>srun</c> set it in the environment.
/// </summary>
/// <param name="Rank">From 0 to <paramref name="Size"/> - 1.</param>
/// <param name="Size">Processes of the run; 1 without a launcher.</param>
/// <param name="LocalRank">The rank among the processes on this machine, from 0.</param>
/// <param name="LocalSize">Processes on this machine; <paramref name="LocalRank"/> + 1 where no variable says it.</param>
/// <param name="Store">Where the processes meet; null for one process.</param>
/// <param name="Source">The variables that say so, for messages.</param>
/// <param name="StoreSource">The variables that the address of <paramref name="Store"/> comes from, for messages.</param>
internal sealed record DistributedEnvironment(
    int Rank, int Size, int LocalRank, int LocalSize, StoreAddress? Store, string Source, string StoreSource)
{
    private const string TorchrunHint =
        "torchrun and bam launch set RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT; set all or unset them";

    private const string SlurmHint = "srun sets it; start the processes by srun, or unset SLURM_STEP_ID for one process";

    // Below Linux's ephemeral ports, which begin at 32768, and above the ports of common services.
    private const int FirstSlurmPort = 10_000;
    private const int SlurmPorts = 22_000;

    // Keeps the ports of a job's Slurm steps away from those of the next jobs.
    private const int PortsBetweenSteps = 101;

    // Any of these makes a process a rank of torchrun.
    private static readonly string[] RankVariables = ["RANK", "WORLD_SIZE", "LOCAL_RANK"];
    private static readonly string[] MasterVariables = ["MASTER_ADDR", "MASTER_PORT"];

    private const string TorchrunSource = "RANK and WORLD_SIZE";

    // The first that is set counts.
    private static readonly string[] NodeLists = ["SLURM_STEP_NODELIST", "SLURM_NODELIST", "SLURM_JOB_NODELIST"];

    /// <summary>One process, without a launcher.</summary>
    public static DistributedEnvironment Alone { get; } = new(0, 1, 0, 1, null, "no launcher", "");

    /// <summary>Reads the variables of this process.</summary>
    /// <exception cref="InvalidInputException">One is missing or wrong; the message names it.</exception>
    public static DistributedEnvironment Current() => Read(Environment.GetEnvironmentVariable);

    /// <summary>
    /// torchrun's variables override Slurm's. Under <c>srun</c>, MASTER_ADDR and MASTER_PORT override the Slurm step's first
    /// machine and the port that is computed from the numbers of job and step.
    /// </summary>
    /// <exception cref="InvalidInputException">A variable is missing or wrong; the message names it.</exception>
    public static DistributedEnvironment Read(Func<string, string?> environment)
    {
        string? Variable(string name) => environment(name) is { Length: > 0 } value ? value : null;
        var torchrun = RankVariables.Any(name => Variable(name) is not null);
        var isStep = Variable("SLURM_STEP_ID") is not null;
        var master = MasterVariables.Any(name => Variable(name) is not null);
        if (torchrun || (master && !isStep)) return OfTorchrun(Variable);
        return isStep ? OfSlurm(Variable) : Alone;
    }

    /// <summary>Refuses what only one process can do.</summary>
    /// <param name="work">A noun: "training".</param>
    /// <exception cref="InvalidInputException">There are more processes.</exception>
    public void RequireAlone(string work)
    {
        if (Size > 1) throw OneProcessOnly(work, $"{Rank}", Size, Source);
    }

    /// <summary>
    /// Refuses what ranks of torchrun or <c>bam launch</c> would do as copies of each other. Tasks of Slurm are not meant: a step
    /// may run a command for several inputs. Neither are variables that make no rank.
    /// </summary>
    /// <param name="work">A noun: "bam mix".</param>
    /// <param name="environment">The variables.</param>
    /// <exception cref="InvalidInputException">There are more ranks.</exception>
    public static void RequireNoCopies(string work, Func<string, string?> environment)
    {
        if (environment("RANK") is { Length: > 0 } rank
            && int.TryParse(environment("WORLD_SIZE"), NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size > 1)
            throw OneProcessOnly(work, rank, size, TorchrunSource);
    }

    /// <summary>Makes a process that a rank starts no rank of torchrun.</summary>
    public static void Remove(IDictionary<string, string?> environment)
    {
        foreach (var name in RankVariables.Concat(MasterVariables)) environment.Remove(name);
    }

    private static InvalidInputException OneProcessOnly(string work, string rank, int size, string source) => new(
        $"{work} by several processes is not supported, and this is rank {rank} of {size} ({source}); start one process");

    /// <summary>The options with which this process joins the group of all processes.</summary>
    public ProcessGroupOptions GroupOptions(Device device, TimeSpan timeout) => new()
    {
        // A group of one process does not use it.
        Store = Store ?? new StoreAddress("localhost", 0),
        Rank = Rank,
        Size = Size,
        AddressSource = StoreSource,
        Timeout = timeout,
        JoinTimeout = timeout,
        Device = device,
    };

    private static DistributedEnvironment OfTorchrun(Func<string, string?> variable)
    {
        if (variable("WORLD_SIZE") == "1") return Alone;
        string Required(string name) => Require(variable, name, TorchrunHint);
        var size = Number(Required("WORLD_SIZE"), "WORLD_SIZE", 1, int.MaxValue);
        var rank = Number(Required("RANK"), "RANK", 0, size - 1);
        var localRank = Number(Required("LOCAL_RANK"), "LOCAL_RANK", 0, size - 1);
        var host = Required("MASTER_ADDR");
        var port = Port(Required("MASTER_PORT"));
        // torchrun may run the store itself, and keeps it over restarts.
        var isServedByAgent = variable("TORCHELASTIC_USE_AGENT_STORE") is "True";
        var store = new StoreAddress(host, port, !isServedByAgent, $"bam/{variable("TORCHELASTIC_RESTART_COUNT") ?? "0"}");
        // Optional: torchrun sets it, other launchers may not.
        var localSize = variable("LOCAL_WORLD_SIZE") is { } text ? Number(text, "LOCAL_WORLD_SIZE", localRank + 1, size)
            : store.IsLoopback ? size : localRank + 1;
        return new(rank, size, localRank, localSize, store, TorchrunSource, "MASTER_ADDR and MASTER_PORT");
    }

    private static DistributedEnvironment OfSlurm(Func<string, string?> variable)
    {
        string Required(string name) => Require(variable, name, SlurmHint);
        var tasks = variable("SLURM_STEP_NUM_TASKS") is null ? "SLURM_NTASKS" : "SLURM_STEP_NUM_TASKS";
        // A step of one task need not name their number.
        var size = variable(tasks) is { } text ? Number(text, tasks, 1, int.MaxValue) : 1;
        if (size == 1) return Alone;
        var rank = Number(Required("SLURM_PROCID"), "SLURM_PROCID", 0, size - 1);
        var localRank = Number(Required("SLURM_LOCALID"), "SLURM_LOCALID", 0, size - 1);
        var nodes = NodeLists.FirstOrDefault(name => variable(name) is not null) ?? NodeLists[^1];
        var host = variable("MASTER_ADDR") ?? SlurmNodeList.First(Required(nodes), nodes);
        var port = variable("MASTER_PORT") is { } given ? Port(given) : SlurmPort(variable, Required);
        var hostSource = variable("MASTER_ADDR") is null ? $"{nodes}, which MASTER_ADDR overrides" : "MASTER_ADDR";
        var portSource = variable("MASTER_PORT") is null ? "SLURM_JOB_ID, which MASTER_PORT overrides" : "MASTER_PORT";
        return new(
            rank, size, localRank, SlurmLocalSize(variable, localRank, size), new StoreAddress(host, port),
            $"SLURM_PROCID and {tasks}", $"{hostSource}, and {portSource}");
    }

    private static int SlurmLocalSize(Func<string, string?> variable, int localRank, int size)
    {
        const string name = "SLURM_STEP_TASKS_PER_NODE";
        if (variable(name) is not { } list || variable("SLURM_NODEID") is not { } node) return localRank + 1;
        var count = SlurmTaskList.At(list, Number(node, "SLURM_NODEID", 0, int.MaxValue)) ?? 0;
        return count > localRank && count <= size ? count : localRank + 1;
    }

    private static int SlurmPort(Func<string, string?> variable, Func<string, string> required)
    {
        var job = Number(required("SLURM_JOB_ID"), "SLURM_JOB_ID", 0, int.MaxValue);
        // Steps that Slurm itself starts have numbers near 2³².
        var step = uint.TryParse(variable("SLURM_STEP_ID"), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : 0;
        return FirstSlurmPort + (int)((job + ((long)step * PortsBetweenSteps)) % SlurmPorts);
    }

    private static string Require(Func<string, string?> variable, string name, string hint) =>
        variable(name) ?? throw new InvalidInputException($"the environment variable {name} is missing; {hint}");

    private static int Port(string text) => Number(text, "MASTER_PORT", 1, ushort.MaxValue);

    private static int Number(string text, string name, int least, int most)
    {
        var isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        if (isNumber && number >= least && number <= most) return number;
        var range = most == int.MaxValue ? $"an integer from {least}" : $"an integer from {least} to {most}";
        throw new InvalidInputException($"the environment variable {name}", range, $"'{text}'", "set it right, or unset it");
    }
}

/// <summary>Slurm's short form of the tasks on each machine of a step, such as <c>8(x2),3</c>.</summary>
internal static partial class SlurmTaskList
{
    /// <summary>The tasks on a machine, counted from 0; null if the list does not say it.</summary>
    public static int? At(string list, int machine)
    {
        foreach (var part in list.Split(','))
        {
            if (Part().Match(part) is not { Success: true } match) return null;
            var machines = match.Groups["machines"] is { Success: true } times ? Number(times) : 1;
            if (machine < machines) return Number(match.Groups["tasks"]);
            machine -= machines;
        }

        return null;
    }

    private static int Number(Group digits) => int.Parse(digits.ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<tasks>[0-9]{1,6})(\(x(?<machines>[0-9]{1,6})\))?$", RegexOptions.CultureInvariant)]
    private static partial Regex Part();
}

/// <summary>Slurm's short form of a list of machines, such as <c>gpu[003-006,9],login</c>.</summary>
internal static class SlurmNodeList
{
    /// <summary>The first machine.</summary>
    /// <param name="list">As Slurm writes it.</param>
    /// <param name="variable">Where it comes from, for messages.</param>
    /// <exception cref="InvalidInputException">The list is none.</exception>
    public static string First(string list, string variable)
    {
        var host = new StringBuilder();
        for (var i = 0; i < list.Length && list[i] != ',';)
        {
            if (list[i] != '[')
            {
                host.Append(list[i++]);
                continue;
            }

            // A bracket holds numbers and ranges; the first number stands at its beginning.
            var close = list.IndexOf(']', i);
            var digits = close < 0 ? 0 : list.AsSpan(i + 1, close - i - 1).IndexOfAnyExceptInRange('0', '9');
            var length = digits < 0 ? close - i - 1 : digits;
            if (length == 0 || (digits > 0 && list[i + 1 + digits] is not ('-' or ',')))
                throw Wrong(list, variable);
            host.Append(list, i + 1, length);
            i = close + 1;
        }

        var name = host.ToString();
        var isName = name.Length > 0 && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.' or '_');
        return isName ? name : throw Wrong(list, variable);
    }

    private static InvalidInputException Wrong(string list, string variable) => new(
        $"the environment variable {variable}", "a list of machines such as gpu[003-006,9]", $"'{list}'",
        "set MASTER_ADDR to the first machine");
}
